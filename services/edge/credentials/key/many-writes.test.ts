import { afterAll, beforeAll, expect, it } from 'vitest';
import { encodeKey, keyEntryKey, makeApiKey } from '@sluice/policy';
import { startNatsServer, until, type TestNats } from '@sluice/testing';
import type { Caller } from '../../caller.ts';
import type { Ending } from '../authenticator.ts';
import { outcome, sent } from '../testing/credentials.ts';
import { startCredentialKit } from '../testing/kit.ts';

let nats: TestNats;
beforeAll(async () => {
  nats = await startNatsServer();
});
afterAll(() => nats.stop());

it('a key that is disabled among very many that are written is refused, and what is connected with it ends', async () => {
  // Two keys at hand: the watched one has made room for others before it changes.
  await using kit = await startCredentialKit(nats, {
    document: { consumers: [{ id: 'acme' }] },
    settings: { keyCache: 2 },
  });
  const ask = (text: string) => outcome(() => kit.authenticator.identify(sent({ apiKey: text }), ['key']));
  const [watched, used, other] = [await kit.putKey({}), await kit.putKey({}), await kit.putKey({})];
  const endings: Ending[] = [];
  kit.authenticator.watch((await ask(watched.text)) as Caller, (why) => endings.push(why));
  for (const { text } of [used, other]) expect(await ask(text)).toMatchObject({ method: 'key' });

  const writeMany = (count: number): void => {
    for (let n = 0; n < count; n++) {
      const { id, hash } = makeApiKey();
      const stored = { id, consumer: 'acme', hash, name: '', created: 1, expires: null, disabled: false };
      kit.bus.publish(`$KV.consumers.${keyEntryKey(id)}`, encodeKey(stored));
    }
  };
  writeMany(3_000);
  const changes = [watched, used].map((key) => kit.putKey({ key, disabled: true }));
  writeMany(3_000);
  await Promise.all(changes);

  await until(() => endings.length === 1);
  expect(endings).toEqual(['revoked']);
  await until(async () => !('method' in ((await ask(used.text)) as object)));
  expect(await ask(watched.text)).toMatchObject({ code: 'unauthorized' });
  expect(await ask(other.text)).toMatchObject({ method: 'key' });
});
