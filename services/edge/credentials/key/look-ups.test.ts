import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeApiKey } from '@sluice/policy';
import { startNatsServer, until, type TestNats } from '@sluice/testing';
import { guessKey, outcome, sent } from '../testing/credentials.ts';
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

/** Counts what is hashed while `work` runs; every hash is made all the same. */
async function hashesOf(work: () => Promise<void>): Promise<number> {
  const { hash, createHash } = crypto;
  let count = 0;
  const counted = <Args extends unknown[], Result>(make: (...args: Args) => Result) =>
    function counting(...args: Args): Result {
      count += 1;
      return make(...args);
    };
  Object.assign(crypto, { hash: counted(hash), createHash: counted(createHash) });
  syncBuiltinESMExports();
  try {
    await work();
  } finally {
    Object.assign(crypto, { hash, createHash });
    syncBuiltinESMExports();
  }
  return count;
}

it('a wrong secret of a known key costs the look-ups and hashes that an unknown key costs', async () => {
  const { id, text } = await kit.putKey({});
  const asked: string[] = [];
  const listening = kit.bus.subscribe(`${lookUps}>`, (message) => {
    asked.push(message.subject.slice(lookUps.length));
  });
  await kit.bus.flush();
  const ask = (key: string) => outcome(() => kit.authenticator.identify(sent({ apiKey: key }), ['key']));
  expect(await hashesOf(async () => expect(await ask(text)).toMatchObject({ method: 'key' }))).toBe(1);
  const first = makeApiKey();
  expect(await ask(first.text)).toEqual(badKey);
  await until(() => asked.includes(first.id));
  for (const each of [id, makeApiKey().id]) {
    asked.length = 0;
    const guesses = [guessKey(each), guessKey(each), guessKey(each)];
    const hashes = await hashesOf(async () => {
      for (const guess of guesses) expect(await ask(guess)).toEqual(badKey);
    });
    expect(hashes).toBe(guesses.length);
    // What was asked before this arrives before this.
    const last = makeApiKey();
    expect(await ask(last.text)).toEqual(badKey);
    await until(() => asked.includes(last.id));
    expect(asked).toEqual([each, last.id]);
  }
  expect(await ask(text)).toMatchObject({ method: 'key' });
  listening.unsubscribe();
});
