import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { until } from '@sluice/testing';
import type { Caller } from '../caller.ts';
import type { Ending } from './authenticator.ts';
import { invalidToken, outcome, sent } from './testing/credentials.ts';
import { startCredentialKit } from './testing/kit.ts';
import { startCredentialScene } from './testing/scene.ts';

const patient = { timeoutMs: 30_000 };
const badKey = { code: 'unauthorized', asks: 'ApiKey realm="sluice", header="X-API-Key"' };

const scene = await startCredentialScene();
const { nats, idp, kit, methods, document, judge, judgeToken, accepted, consumer } = scene;
afterEach(() => kit.documents.set(document()));
afterAll(() => scene.stop());

const watched = (caller: Caller, of = kit) => {
  const endings: Ending[] = [];
  /** Roles, each time that something changed. */
  const roles: (readonly string[] | undefined)[] = [];
  const stop = of.authenticator.watch(
    caller,
    (why) => endings.push(why),
    () => roles.push(of.authenticator.current(caller)?.identity.roles),
  );
  return { endings, roles, stop };
};
describe('what ends a caller that is connected', () => {
  it('is that its key is disabled, deleted, or past its time, which may be set while it is connected', async () => {
    const hour = 3_600_000;
    const keys = [
      await kit.putKey({}),
      await kit.putKey({}),
      await kit.putKey({ expires: Date.now() + hour }),
      await kit.putKey({}),
    ] as const;
    const watches = [];
    for (const { text } of keys) watches.push(watched(await accepted(text)));
    const [disabled = [], deleted = [], expired = [], stays = []] = watches.map(({ endings }) => endings);
    await kit.putKey({ key: keys[0], disabled: true });
    await kit.deleteKey(keys[1].id);
    await kit.putKey({ key: keys[2], expires: Date.now() + 300 });
    await until(() => disabled.length === 1 && deleted.length === 1 && expired.length === 1, patient);
    expect([disabled, deleted, expired, stays]).toEqual([['revoked'], ['revoked'], ['expired'], []]);
    for (const key of keys.slice(0, 3)) expect(await judge(key.text)).toEqual(badKey);
    for (const { stop } of watches) stop();
    expect(await kit.metric('sluice_edge_watched_callers')).toBe(0);
  });

  it('is that its consumer is disabled or deleted, in the bucket or in the document', async () => {
    const [one, two] = [await consumer(), await consumer()];
    const callers = [];
    for (const id of [one, two, 'declared'])
      callers.push(await accepted((await kit.putKey({ consumer: id })).text));
    const watches = callers.map((caller) => watched(caller));
    await kit.putConsumer(one, { disabled: true });
    await kit.consumers.delete(`consumer.${two}`);
    kit.documents.set(document({ consumers: [{ id: 'declared', disabled: true }] }));
    await until(() => watches.every(({ endings }) => endings.length === 1), patient);
    expect(watches.map(({ endings }) => endings)).toEqual([['revoked'], ['revoked'], ['revoked']]);
  });

  it('is that its token is revoked by id or by subject, or its issuer leaves', async () => {
    const tokens = [
      idp.token({ jti: 'stolen', sub: 'a' }),
      idp.token({ sub: 'b' }),
      idp.token({ sub: 'c' }),
      idp.token({ sub: 'b', iat: undefined }),
    ];
    const callers: Caller[] = [];
    for (const token of tokens) callers.push((await judgeToken(token)) as Caller);
    const watches = callers.map((caller) => watched(caller));
    await kit.revoke({ kind: 'jti', source: 'idp', id: 'stolen' });
    await kit.revoke({ kind: 'subject', source: 'idp', id: 'b' }, Date.now() + 1_000);
    await kit.revoke({ kind: 'subject', source: 'another', id: 'c' });
    const [first, second, third, fourth] = watches.map(({ endings }) => endings);
    await until(() => first!.length === 1 && second!.length === 1 && fourth!.length === 1, patient);
    expect(third).toEqual([]);
    expect(await judgeToken(tokens[0]!)).toEqual(invalidToken);
    expect(await judgeToken(tokens[1]!)).toEqual(invalidToken);
    expect(await judgeToken(tokens[3]!)).toEqual(invalidToken);
    // A token of that subject that was made later is good.
    expect(await judgeToken(idp.token({ sub: 'b', iat: Math.floor(Date.now() / 1_000) + 5 }))).toMatchObject({
      method: 'jwt',
    });
    kit.documents.set(document({ issuers: {} }));
    await until(() => third!.length === 1, patient);
    expect(watches.map(({ endings }) => endings)).toEqual([
      ['revoked'],
      ['revoked'],
      ['revoked'],
      ['revoked'],
    ]);
  });

  it('is told of a caller that had ended before anybody watched, but not from inside the call', async () => {
    const key = await kit.putKey({});
    const caller = await accepted(key.text);
    await kit.putKey({ key, disabled: true });
    await until(async () => !('method' in ((await judge(key.text)) as object)), patient);
    const { endings } = watched(caller);
    expect(endings).toEqual([]);
    await until(() => endings.length === 1, patient);
    expect(kit.authenticator.current(caller)).toBeNull();
  });

  it('is not told to who no longer listens', async () => {
    const key = await kit.putKey({});
    const caller = await accepted(key.text);
    const [gone, stays] = [watched(caller), watched(caller)];
    gone.stop();
    await kit.deleteKey(key.id);
    await until(() => stays.endings.length === 1, patient);
    expect(gone.endings).toEqual([]);
  });
});

describe('a caller that is connected and changes', () => {
  it('is told of with the roles of its consumer, each time, and not for what concerns others', async () => {
    const [own, other] = [await consumer({ roles: ['trader'] }), await consumer()];
    const [mine, others] = [await kit.putKey({ consumer: own }), await kit.putKey({ consumer: other })];
    const watch = watched(await accepted(mine.text));
    const elsewhere = watched(await accepted(others.text));
    await kit.putConsumer(own, { roles: [] });
    await until(() => watch.roles.length === 1, patient);
    await kit.putConsumer(own, { roles: ['desk'] });
    await until(() => watch.roles.length === 2, patient);
    kit.documents.set(document({ roles: { trader: {}, guest: {}, desk: { includes: ['guest'] } } }));
    await until(() => watch.roles.length === 3, patient);
    expect(watch.roles).toEqual([[], ['desk'], ['desk', 'guest']]);
    expect([watch.endings, elsewhere.endings, elsewhere.roles]).toEqual([[], [], []]);
    watch.stop();
    await kit.putConsumer(own, { roles: [] });
    await until(() => kit.authenticator.consumers.get(own)?.roles.length === 0, patient);
    expect(watch.roles).toHaveLength(3);
  });

  it('is told of when its key has made room for others, and its consumer too', async () => {
    const settings = { keyCache: 1 };
    await using small = await startCredentialKit(nats, { document: document(), settings });
    const own = await consumer({ roles: ['trader'] });
    const ask = (text: string) =>
      outcome(() => small.authenticator.identify(sent({ apiKey: text }), methods));
    const makeRoom = async (): Promise<void> => {
      const { text } = await kit.putKey({ consumer: await consumer() });
      expect(await ask(text)).toMatchObject({ method: 'key' });
    };
    const key = await kit.putKey({ consumer: own });
    const watch = watched((await ask(key.text)) as Caller, small);
    await makeRoom();
    await kit.putConsumer(own, { roles: ['viewer'] });
    await until(() => watch.roles.length === 1, patient);
    await makeRoom();
    // Only the key changes: what its consumer is has to be asked for again.
    await kit.putKey({ key, consumer: own, expires: Date.now() + 500 });
    await until(() => watch.endings.length === 1, patient);
    expect([watch.roles[0], watch.endings]).toEqual([['viewer'], ['expired']]);
  });
});

describe('a consumer that a token names', () => {
  it('gives it limits, and ends it when it is disabled', async () => {
    const id = await consumer({ limits: [] });
    const base = document();
    const issuers = { idp: { ...base.issuers!['idp']!, consumer_claim: 'azp' } };
    kit.documents.set({ ...base, issuers });
    const token = idp.token({ azp: id });
    const caller = (await judgeToken(token)) as Caller;
    expect(caller).toMatchObject({ method: 'jwt', consumer: id });
    expect(kit.authenticator.consumers.get(id)?.id).toBe(id);
    const { endings } = watched(caller);
    await kit.putConsumer(id, { disabled: true });
    await until(() => endings.length === 1, patient);
    expect(await judgeToken(token)).toEqual(invalidToken);
    // One that nobody has made counts as a name and no more.
    expect(await judgeToken(idp.token({ azp: 'unheard-of' }))).toMatchObject({ consumer: 'unheard-of' });
    expect(kit.authenticator.consumers.get('unheard-of')).toBeNull();
  });
});
