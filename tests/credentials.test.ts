import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectBus, openBucket, type Bucket, type Bus } from '@sluice/nats';
import {
  consumerEntryKey,
  consumersBucket,
  consumerSchema,
  encodeConsumer,
  encodeKey,
  keyEntryKey,
  keyUsageBucket,
  makeApiKey,
  revocationKey,
  revocationsBucket,
  type ApiKey,
  type StoredKey,
} from '@sluice/policy';
import {
  startStack,
  startTokenIssuer,
  testAudience,
  until,
  type TestStack,
  type TokenIssuer,
} from '@sluice/testing';
import { HttpClient } from './support/http.ts';

const patient = { timeoutMs: 30_000 };

describe('credentials at a running gateway', () => {
  let stack: TestStack;
  let bus: Bus;
  let idp: TokenIssuer;
  let http: HttpClient;
  let consumers: Bucket;
  let revocations: Bucket;

  beforeAll(async () => {
    idp = await startTokenIssuer();
    stack = await startStack({
      // Every process is the NATS user that it is in a cluster: what an edge needs for this, it may.
      locked: true,
      services: ['admin', 'router', 'edge'],
      document: {
        issuers: {
          idp: {
            issuer: idp.issuer,
            audience: [testAudience],
            jwks: { url: idp.jwksUrl, refresh: '10s', cooldown: '1s' },
          },
        },
        consumers: [{ id: 'acme' }],
        routes: [
          { id: 'whoami', path: '/v1/whoami', subject: 'test.whoami', auth: ['key', 'jwt'] },
          { id: 'forgotten', path: '/v1/forgotten', subject: 'test.whoami' },
        ],
      },
    });
    bus = await connectBus({ servers: [stack.natsUrl], name: 'test' });
    bus.subscribe('test.whoami', (message) =>
      message.respond(JSON.stringify(message.header('Sluice-Subject'))),
    );
    consumers = await openBucket(bus, { name: consumersBucket });
    revocations = await openBucket(bus, { name: revocationsBucket, perKeyTtl: true });
    http = new HttpClient(stack.gateway);
    await until(async () => (await http.get('/v1/whoami')).status === 401, patient);
  }, 120_000);
  afterAll(async () => {
    http?.close();
    await bus?.close();
    await stack?.stop();
    await idp?.[Symbol.asyncDispose]();
  });

  const put = async (key: ApiKey, more: Partial<StoredKey> = {}): Promise<void> => {
    const plain = { id: key.id, consumer: 'acme', hash: key.hash, name: '', created: Date.now() };
    const entry = encodeKey({ ...plain, expires: null, disabled: false, ...more });
    await consumers.put(keyEntryKey(key.id), entry);
  };
  const withKey = (key: ApiKey) => http.get('/v1/whoami', { 'x-api-key': key.text });
  const withToken = (token: string) => http.get('/v1/whoami', { authorization: `Bearer ${token}` });

  /** Calls without a pause while `change` is under way; gives the statuses that were seen. */
  async function during(
    call: () => Promise<{ status: number }>,
    change: () => Promise<void>,
  ): Promise<number[]> {
    const statuses: number[] = [];
    const over = new AbortController();
    const calling = Promise.all(
      Array.from({ length: 4 }, async () => {
        while (!over.signal.aborted) statuses.push((await call()).status);
      }),
    );
    await change().finally(() => over.abort());
    await calling;
    return statuses;
  }

  it('are asked for, and a route that nobody has opened is closed', async () => {
    const refused = await http.get('/v1/whoami');
    expect(refused.status).toBe(401);
    expect(refused.header('www-authenticate')).toBe(
      'ApiKey realm="sluice", header="X-API-Key", Bearer realm="sluice"',
    );
    expect((await http.get('/v1/forgotten')).status).toBe(403);
  });

  it('a key is replaced by another one without a failed request, and disabled at once', async () => {
    const [old, next] = [makeApiKey(), makeApiKey()];
    await put(old);
    await until(async () => (await withKey(old)).status === 200, patient);
    let [used, disabling] = [old, false];
    const statuses = await during(
      async () => {
        const key = used;
        const { status } = await withKey(key);
        // What the old key is told while it is being disabled may be either.
        return { status: key === old && disabling ? 200 : status };
      },
      async () => {
        await put(next);
        await until(async () => (await withKey(next)).status === 200, patient);
        [used, disabling] = [next, true];
        await put(old, { disabled: true });
        await until(async () => (await withKey(old)).status === 401, patient);
      },
    );
    expect(statuses.length).toBeGreaterThan(4);
    expect(statuses.filter((status) => status !== 200)).toEqual([]);
    expect((await withKey(next)).text).toBe('"acme"');
    const usage = await openBucket(bus, { name: keyUsageBucket });
    await until(async () => (await usage.get(next.id)) !== null, patient);
  });

  it('a key ends with its time, and with its consumer', async () => {
    const [short, ofOther] = [makeApiKey(), makeApiKey()];
    await consumers.put(consumerEntryKey('other'), encodeConsumer(consumerSchema.parse({ id: 'other' })));
    await put(ofOther, { consumer: 'other' });
    await put(short, { expires: Date.now() + 3_600_000 });
    expect((await withKey(short)).status).toBe(200);
    expect((await withKey(ofOther)).text).toBe('"other"');
    const disabled = consumerSchema.parse({ id: 'other', disabled: true });
    await consumers.put(consumerEntryKey('other'), encodeConsumer(disabled));
    await until(async () => (await withKey(ofOther)).status === 401, patient);
    await put(short, { expires: Date.now() + 300 });
    await until(async () => (await withKey(short)).status === 401, patient);
  });

  it('signing keys rotate without a failed request, and go on while their server is away', async () => {
    expect((await withToken(idp.token())).status).toBe(200);
    let count = 0;
    const statuses = await during(
      () => withToken(idp.token({ sub: `user-${(count += 1)}` })),
      async () => {
        // Used as soon as it is published: nobody waits for the next regular look.
        const [seen, at] = [idp.requests, count];
        idp.rotate();
        await until(() => idp.requests > seen && count > at + 40, patient);
        await idp.listen(false);
        const away = count;
        await until(() => count > away + 40, patient);
      },
    );
    expect(statuses.filter((status) => status !== 200)).toEqual([]);
    await idp.listen(true);
  });

  it('a token is good until it is taken back, by its id or with all of its subject', async () => {
    const tokens = [idp.token({ jti: 'lost' }), idp.token({ sub: 'gone' }), idp.token()];
    for (const token of tokens) expect((await withToken(token)).status).toBe(200);
    const revoke = (kind: 'jti' | 'subject', id: string, at: number) =>
      revocations.put(
        revocationKey({ kind, source: 'idp', id }),
        JSON.stringify({ at, until: null, reason: 'lost laptop' }),
      );
    await revoke('jti', 'lost', Date.now());
    await revoke('subject', 'gone', Date.now() + 1_000);
    await until(async () => (await withToken(tokens[0] ?? '')).status === 401, patient);
    await until(async () => (await withToken(tokens[1] ?? '')).status === 401, patient);
    expect((await withToken(tokens[2] ?? '')).status).toBe(200);
  });
});
