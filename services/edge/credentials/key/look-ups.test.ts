import { crc32 } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeApiKey } from '@sluice/policy';
import { startNatsServer, until, type TestNats } from '@sluice/testing';
import { outcome, sent } from '../testing/credentials.ts';
import { startCredentialKit, type CredentialKit } from '../testing/kit.ts';

const badKey = { code: 'unauthorized', asks: 'ApiKey realm="sluice", header="X-API-Key"' };
const lookUps = '$JS.API.DIRECT.GET.KV_consumers.$KV.consumers.key.';

let nats: TestNats;
let kit: CredentialKit;
beforeAll(async () => {
  nats = await startNatsServer();
  kit = await startCredentialKit(nats, { document: { consumers: [{ id: 'acme' }] } });
});
afterAll(async () => {
  await kit.stop();
  await nats.stop();
});

/** A key of this id with another secret, as somebody would make it who knows the form: CRC-32 in base 62. */
function guess(id: string): string {
  const start = `slk_${id}_${makeApiKey().text.slice(17, 60)}`;
  const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
  let rest = crc32(start);
  let checksum = '';
  for (let n = 0; n < 6; n++) {
    checksum = `${digits[rest % 62]}${checksum}`;
    rest = Math.floor(rest / 62);
  }
  return `${start}_${checksum}`;
}

it('a wrong secret of a known key costs the look-ups that an unknown key costs', async () => {
  const { id, text } = await kit.putKey({});
  const asked: string[] = [];
  const listening = kit.bus.subscribe(`${lookUps}>`, (message) => {
    asked.push(message.subject.slice(lookUps.length));
  });
  await kit.bus.flush();
  const ask = (key: string) => outcome(() => kit.authenticator.identify(sent({ apiKey: key }), ['key']));
  expect(await ask(text)).toMatchObject({ method: 'key' });
  const first = makeApiKey();
  expect(await ask(first.text)).toEqual(badKey);
  await until(() => asked.includes(first.id));
  for (const each of [id, makeApiKey().id]) {
    asked.length = 0;
    for (let n = 0; n < 3; n++) expect(await ask(guess(each))).toEqual(badKey);
    // What was asked before this arrives before this.
    const last = makeApiKey();
    expect(await ask(last.text)).toEqual(badKey);
    await until(() => asked.includes(last.id));
    expect(asked).toEqual([each, last.id]);
  }
  expect(await ask(text)).toMatchObject({ method: 'key' });
  listening.unsubscribe();
});
