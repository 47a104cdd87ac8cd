import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { openBucket } from '@sluice/nats';
import { keyUsageBucket, makeApiKey, parseApiKey, type ApiKey } from '@sluice/policy';
import { startNatsServer, startProxy, until } from '@sluice/testing';
import type { Caller } from '../caller.ts';
import type { Ending } from './authenticator.ts';
import { bearer, guessKey, invalidToken, outcome, sent } from './testing/credentials.ts';
import { startCredentialKit } from './testing/kit.ts';
import { startCredentialScene } from './testing/scene.ts';

const patient = { timeoutMs: 30_000 };
const badKey = { code: 'unauthorized', asks: 'ApiKey realm="sluice", header="X-API-Key"' };

const scene = await startCredentialScene();
const { nats, idp, kit, methods, document, judge, judgeToken, accepted, consumer } = scene;
afterEach(() => kit.documents.set(document()));
afterAll(() => scene.stop());

describe('an API key', () => {
  it('names its consumer, in either field, and costs no promise the second time', async () => {
    const { id, text } = await kit.putKey({});
    const caller = await accepted(text);
    expect(caller).toMatchObject({
      identity: {
        subject: 'acme',
        kind: 'key',
        roles: ['trader'],
        scopes: ['markets:write'],
        tenant: 'north',
      },
      consumer: 'acme',
      key: id,
      source: null,
      expiresAt: null,
    });
    expect(kit.authenticator.identify(sent({ apiKey: text }), methods)).toBe(caller);
    expect(kit.authenticator.identify(bearer(text), methods)).toBe(caller);
    expect(kit.authenticator.consumers.get('acme')).toMatchObject({ id: 'acme', tenant: 'north' });
  });

  it('is looked up once, however many ask, and an unknown one too', async () => {
    const { text } = await kit.putKey({});
    const unknown = makeApiKey().text;
    let looks = 0;
    const listening = kit.bus.subscribe('$JS.API.DIRECT.GET.KV_consumers.$KV.consumers.key.>', () => {
      looks += 1;
    });
    await kit.bus.flush();
    await using late = await startCredentialKit(nats, { document: document() });
    const ask = (key: string) => outcome(() => late.authenticator.identify(sent({ apiKey: key }), methods));
    for (const answer of await Promise.all(Array.from({ length: 30 }, () => ask(text))))
      expect(answer).toMatchObject({ method: 'key' });
    await until(() => looks > 0, patient);
    expect(looks).toBe(1);
    for (const answer of await Promise.all(Array.from({ length: 30 }, () => ask(unknown))))
      expect(answer).toEqual(badKey);
    expect(await ask(unknown)).toEqual(badKey);
    await until(() => looks > 1, patient);
    expect(looks).toBe(2);
    listening.unsubscribe();
  });

  it('is refused alike when it is unknown, wrong, mistyped, disabled, expired, or of a consumer that is gone', async () => {
    const good = await kit.putKey({});
    const { text: unknown } = makeApiKey();
    const wrongSecret = guessKey(good.id);
    expect(parseApiKey(wrongSecret)).toEqual({ id: good.id });
    // The secret of another key with the checksum of that one, and a last letter that slipped.
    const other = makeApiKey();
    const mixedUp = other.text.replace(other.id, good.id);
    const mistyped = `${good.text.slice(0, -1)}${good.text.endsWith('a') ? 'b' : 'a'}`;
    for (const typo of [mixedUp, mistyped]) expect(parseApiKey(typo)).toBeNull();
    const disabled = await kit.putKey({ disabled: true });
    const expired = await kit.putKey({ expires: Date.now() - 1 });
    const orphan = await kit.putKey({ consumer: 'nobody' });
    const ofDisabled = await kit.putKey({ consumer: await consumer({ disabled: true }) });
    for (const each of [
      unknown,
      wrongSecret,
      mixedUp,
      mistyped,
      'slk_',
      '',
      disabled.text,
      expired.text,
      orphan.text,
      ofDisabled.text,
    ]) {
      expect(await judge(each), each).toEqual(badKey);
      expect(await judge(each), each).toEqual(badKey);
    }
    expect(await judgeToken(disabled.text)).toEqual(invalidToken);
    await accepted(good.text);
  });

  it('may be sent twice when it is the same, and not when it is another', async () => {
    const [one, two] = [await kit.putKey({}), await kit.putKey({})];
    const both = (token: string) =>
      outcome(() => kit.authenticator.identify({ ...bearer(token), apiKey: one.text }, methods));
    expect(await both(one.text)).toMatchObject({ key: one.id });
    expect(await both(two.text)).toMatchObject({ code: 'bad_request' });
    // Another kind of token is for somebody else: the key comes first in this route's list.
    expect(await both(idp.token())).toMatchObject({ key: one.id });
  });

  it('belongs to a consumer of the document before one of the bucket', async () => {
    await kit.putConsumer('declared', { roles: ['viewer'] });
    const key = await kit.putKey({ consumer: 'declared' });
    expect(await accepted(key.text)).toMatchObject({ identity: { roles: ['trader'] } });
    kit.documents.set(document({ consumers: [{ id: 'declared', disabled: true }] }));
    expect(await judge(key.text)).toEqual(badKey);
    kit.documents.set(document({ consumers: [] }));
    expect(await accepted(key.text)).toMatchObject({ identity: { roles: ['viewer'] } });
  });

  it('has the roles that document and consumer give it now', async () => {
    const id = await consumer({ roles: ['trader'] });
    const key = await kit.putKey({ consumer: id });
    const before = await accepted(key.text);
    kit.documents.set(document({ roles: { trader: { scopes: ['other'] } } }));
    expect(await accepted(key.text)).toMatchObject({ identity: { scopes: ['other'] } });
    expect(kit.authenticator.current(before)).toMatchObject({ identity: { scopes: ['other'] } });
    await kit.putConsumer(id, { roles: [] });
    await until(() => kit.authenticator.current(before)?.identity.roles.length === 0, patient);
    expect(await accepted(key.text)).toMatchObject({ identity: { roles: [], scopes: [] } });
  });

  it('is known again after it was asked for too early', async () => {
    const key = makeApiKey();
    expect(await judge(key.text)).toEqual(badKey);
    await kit.putKey({ key });
    await until(async () => 'method' in ((await judge(key.text)) as object), patient);
  });

  it('that cannot be read opens nothing', async () => {
    const key = makeApiKey();
    await kit.consumers.put(`key.${key.id}`, '{"id":"other"}');
    expect(await judge(key.text)).toEqual(badKey);
    expect(kit.reports.join('\n')).toContain(`key ${key.id} in the bucket cannot be read`);
    expect(kit.reports.join('\n')).not.toContain(key.text);
  });

  it('stays at hand only while it is among the last that were used', async () => {
    const settings = { keyCache: 2 };
    await using small = await startCredentialKit(nats, { document: document(), settings });
    const keys = [await kit.putKey({}), await kit.putKey({}), await kit.putKey({})];
    const [first] = keys as [ApiKey];
    const ask = (key: ApiKey) =>
      outcome(() => small.authenticator.identify(sent({ apiKey: key.text }), methods));
    for (const key of keys) expect(await ask(key)).toMatchObject({ method: 'key' });
    expect(await small.metric('sluice_edge_cached_keys')).toBe(2);
    await kit.putKey({ key: first, disabled: true });
    await until(async () => !('method' in ((await ask(first)) as object)), patient);
  });
});

describe('when a key was last used', () => {
  it('is written down without anybody waiting, once for many uses', async () => {
    await using own = await startCredentialKit(nats, { document: document() });
    const usage = await openBucket(kit.bus, { name: keyUsageBucket });
    const key = await kit.putKey({});
    const before = Date.now();
    for (let n = 0; n < 50; n++) await own.authenticator.identify(sent({ apiKey: key.text }), methods);
    await own.authenticator.stop();
    const entry = await usage.get(key.id);
    expect(Number(Buffer.from(entry!.value).toString())).toBeGreaterThanOrEqual(before);
    expect(Number(Buffer.from(entry!.value).toString())).toBeLessThanOrEqual(Date.now());
  });
});

describe('several methods', () => {
  it('are tried in the order of the route; a bad credential falls through to nobody', async () => {
    const key = await kit.putKey({});
    const token = idp.token();
    const both = { ...bearer(token), apiKey: key.text };
    const first = async (order: string[]) => (await kit.authenticator.identify(both, order))?.method;
    expect(await first(['key', 'jwt'])).toBe('key');
    expect(await first(['jwt', 'key'])).toBe('jwt');
    expect(await first(['jwt'])).toBe('jwt');
    const badOne = { ...bearer(token), apiKey: 'slk_wrong' };
    expect(await outcome(() => kit.authenticator.identify(badOne, ['key', 'jwt']))).toEqual(badKey);
    expect(await outcome(() => kit.authenticator.identify(badOne, ['jwt']))).toMatchObject({ method: 'jwt' });
  });

  it('are asked for in one field, each once', async () => {
    const { authenticator } = kit;
    expect(authenticator.identify(sent(), methods)).toBeNull();
    expect(authenticator.identify(sent({ authorization: 'Basic YTpi', cookie: 'a=b' }), methods)).toBeNull();
    expect(authenticator.challenge(['jwt'])).toBe('Bearer realm="sluice"');
    expect(authenticator.challenge(['key', 'jwt'])).toBe(
      'ApiKey realm="sluice", header="X-API-Key", Bearer realm="sluice"',
    );
    expect(authenticator.challenge(['something else'])).toBe('Bearer realm="sluice"');
    // A token in a form that the route does not take is a bad token, not an absent one.
    expect(await outcome(() => authenticator.identify(bearer('opaque'), ['jwt']))).toEqual(invalidToken);
    expect(await outcome(() => authenticator.identify(bearer(idp.token()), ['key']))).toEqual(invalidToken);
  });

  it('are counted, by method and result', async () => {
    const count = (method: string, result: string) =>
      kit.metric('sluice_edge_credentials_total', { method, result });
    const before = [
      await count('jwt', 'accepted'),
      await count('jwt', 'refused'),
      await count('none', 'refused'),
    ];
    await judgeToken(idp.token());
    await judgeToken(idp.token({ aud: 'x' }));
    await judgeToken('opaque');
    const after = [
      await count('jwt', 'accepted'),
      await count('jwt', 'refused'),
      await count('none', 'refused'),
    ];
    expect(after).toEqual(before.map((value) => value + 1));
  });
});

describe('while the way to NATS is cut', () => {
  it('what changes there counts afterwards, for calls and for what is connected', async () => {
    await using own = await startNatsServer();
    await using admin = await startCredentialKit(own);
    await admin.putConsumer('acme');
    const [used, watched] = [await admin.putKey({}), await admin.putKey({})];
    await using way = await startProxy(own.url);
    await using there = await startCredentialKit(
      { url: `nats://127.0.0.1:${way.port}` },
      { document: document() },
    );
    const ask = (text: string) =>
      outcome(() => there.authenticator.identify(sent({ apiKey: text }), methods));
    expect(await ask(used.text)).toMatchObject({ method: 'key' });
    const endings: Ending[] = [];
    there.authenticator.watch((await ask(watched.text)) as Caller, (why) => endings.push(why));
    way.break();
    await until(() => !there.bus.connected, patient);
    for (const key of [used, watched]) await admin.putKey({ key, disabled: true });
    expect(await ask(used.text)).toMatchObject({ method: 'key' });
    way.mend();
    await until(() => endings.length === 1, patient);
    expect(endings).toEqual(['revoked']);
    await until(async () => !('method' in ((await ask(used.text)) as object)), patient);
  });
});

describe('while NATS is away', () => {
  it('known keys go on, unknown ones are 503, and what changed meanwhile counts afterwards', async () => {
    await using own = await startNatsServer();
    await using admin = await startCredentialKit(own);
    await admin.putConsumer('acme');
    const [known, unknown, lost] = [await admin.putKey({}), await admin.putKey({}), await admin.putKey({})];
    await using there = await startCredentialKit(own, { document: document() });
    const ask = (text: string) =>
      outcome(() => there.authenticator.identify(sent({ apiKey: text }), methods));
    const caller = (await ask(lost.text)) as Caller;
    expect(await ask(known.text)).toMatchObject({ method: 'key' });
    const endings: Ending[] = [];
    there.authenticator.watch(caller, (why) => endings.push(why));
    await own.kill();
    await until(() => !there.bus.connected, patient);
    expect(await ask(known.text)).toMatchObject({ method: 'key' });
    expect(await ask(unknown.text)).toMatchObject({ code: 'unavailable' });
    expect(await ask(known.text.slice(0, -1))).toEqual(badKey);
    await own.restart();
    // From now on and before: whatever the authenticator has missed, it finds out.
    await until(() => admin.putKey({ key: lost, disabled: true }).then(() => true), patient);
    await until(() => endings.length === 1, patient);
    await until(async () => 'method' in ((await ask(unknown.text)) as object), patient);
    await until(async () => !('method' in ((await ask(lost.text)) as object)), patient);
  });
});
