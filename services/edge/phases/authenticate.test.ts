import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openBucket } from '@sluice/nats';
import { consumersBucket, encodeKey, keyEntryKey, makeApiKey } from '@sluice/policy';
import { RawClient, startTokenIssuer, testAudience, type TokenIssuer } from '@sluice/testing';
import { headerValue } from '@sluice/wire';
import { startTestEdge, type TestEdge } from '../testing/test-edge.ts';

const key = makeApiKey();
let edge: TestEdge;
let idp: TokenIssuer;
beforeAll(async () => {
  idp = await startTokenIssuer();
  edge = await startTestEdge({
    document: {
      issuers: { idp: { issuer: idp.issuer, audience: [testAudience], jwks: { url: idp.jwksUrl } } },
      roles: { trader: { scopes: ['markets:write'] } },
      consumers: [{ id: 'acme', roles: ['trader'], tenant: 'north' }],
    },
  });
  const consumers = await openBucket(edge.bus, { name: consumersBucket });
  const entry = { id: key.id, consumer: 'acme', hash: key.hash, name: '', created: 1, expires: null };
  await consumers.put(keyEntryKey(key.id), encodeKey({ ...entry, disabled: false }));
  await edge.route({ id: 'open', path: '/v1/open' });
  await edge.route({ id: 'closed', path: '/v1/closed', auth: [] });
  await edge.route({ id: 'keys', path: '/v1/keys', auth: ['key'] });
  await edge.route({ id: 'both', path: '/v1/both', auth: ['jwt', 'key'] });
  await edge.route({ id: 'trades', path: '/v1/trades', auth: ['key', 'jwt'], scopes: ['markets:write'] });
  await edge.route({ id: 'role', path: '/v1/role', auth: ['key', 'jwt'], roles: ['auditor', 'trader'] });
  await edge.route({ id: 'odd', path: '/v1/odd', roles: ['trader'] });
});
afterAll(async () => {
  await edge.stop();
  await idp[Symbol.asyncDispose]();
});
beforeEach(() => {
  edge.received.length = 0;
});

const withKey = { 'x-api-key': key.text };
const withToken = (claims = {}) => ({ authorization: `Bearer ${idp.token(claims)}` });
const get = async (path: string, headers: Record<string, string> = {}) => {
  const response = await fetch(edge.url + path, { headers });
  const text = await response.text();
  return {
    status: response.status,
    asks: response.headers.get('www-authenticate'),
    id: response.headers.get('x-request-id') as string,
    text,
    problem: () => JSON.parse(text) as Record<string, unknown>,
  };
};

describe('who calls', () => {
  it('is nobody on a public route, whatever is sent', async () => {
    for (const headers of [{}, { authorization: 'Bearer slk_wrong' }, withToken({ exp: 1 })])
      expect(await get('/v1/open', headers)).toMatchObject({ status: 200 });
    expect(edge.received.map(({ identity }) => identity)).toEqual([null, null, null]);
  });

  it('is told to the backend, without what proved it', async () => {
    expect(await get('/v1/both', withKey)).toMatchObject({ status: 200 });
    const scope = 'markets:read';
    expect(await get('/v1/both', withToken({ sub: 'ann', roles: ['trader'], scope }))).toMatchObject({
      status: 200,
    });
    expect(edge.received.map(({ identity }) => identity)).toEqual([
      { subject: 'acme', kind: 'key', roles: ['trader'], scopes: ['markets:write'], tenant: 'north' },
      {
        subject: 'ann',
        kind: 'jwt',
        roles: ['trader'],
        scopes: ['markets:read', 'markets:write'],
        tenant: null,
      },
    ]);
    for (const { headers } of edge.received)
      for (const name of ['authorization', 'x-api-key']) expect(headerValue(headers, name)).toBeUndefined();
  });

  it('is in the record, and no credential is', async () => {
    const token = withToken({ sub: 'a "quoted" \\ name' });
    const records = [];
    for (const headers of [withKey, token, {}]) {
      const { id } = await get('/v1/both', headers);
      records.push(await edge.recordOf(id));
    }
    expect(records).toMatchObject([
      { auth: 'key', subject: 'acme', consumer: 'acme', key: key.id, status: 200 },
      { auth: 'jwt', subject: 'a "quoted" \\ name', status: 200 },
      { status: 401, code: 'unauthorized' },
    ]);
    expect(records[2]).not.toHaveProperty('subject');
    const written = JSON.stringify([edge.records, edge.failures]);
    expect(written).not.toContain(key.text.slice(17));
    expect(written).not.toContain(token.authorization.slice(-40));
  });
});

describe('401', () => {
  it('asks for what the route takes, in its order, and names no error where nothing was sent', async () => {
    const apiKey = 'ApiKey realm="sluice", header="X-API-Key"';
    expect(await get('/v1/keys')).toMatchObject({ status: 401, asks: apiKey });
    expect(await get('/v1/both')).toMatchObject({ status: 401, asks: `Bearer realm="sluice", ${apiKey}` });
    expect((await get('/v1/both')).problem()).toMatchObject({ code: 'unauthorized' });
    expect(edge.received).toEqual([]);
  });

  it('is the same for every bad credential, and for those that are not even of the right kind', async () => {
    const error = 'Bearer realm="sluice", error="invalid_token"';
    const bad = [
      makeApiKey().text,
      key.text.replace(/.$/, (last) => (last === 'a' ? 'b' : 'a')),
      'slk_',
      'opaque',
    ];
    const answers = [];
    for (const token of bad) answers.push(await get('/v1/both', { authorization: `Bearer ${token}` }));
    answers.push(await get('/v1/both', withToken({ aud: 'x' })), await get('/v1/keys', withToken()));
    for (const answer of answers) expect(answer).toMatchObject({ status: 401, asks: error });
    const details = answers.map((answer) => answer.problem()['detail']);
    expect(new Set(details).size).toBe(1);
    expect(edge.received).toEqual([]);
  });

  it('keeps to the order of the route: a bad token does not become a good key', async () => {
    const both = { ...withKey, authorization: 'Bearer a.b.c' };
    expect(await get('/v1/both', { ...both, ...withToken({ exp: 1 }) })).toMatchObject({ status: 401 });
    expect(await get('/v1/both', { ...both, ...withToken() })).toMatchObject({ status: 200 });
    expect(edge.received[0]?.identity?.kind).toBe('jwt');
  });
});

describe('403', () => {
  it('is everybody’s answer from a route that nobody has opened', async () => {
    for (const headers of [{}, withKey]) {
      const answer = await get('/v1/closed', headers);
      expect(answer).toMatchObject({ status: 403, asks: null });
      expect(answer.problem()).toMatchObject({
        code: 'forbidden',
        detail: 'Nobody has said who may call this route.',
      });
    }
    expect(await get('/v1/odd', withKey)).toMatchObject({ status: 403 });
  });

  it('is for callers without a role or a scope of the route, and does not say which', async () => {
    const refused = [
      await get('/v1/trades', withToken()),
      await get('/v1/role', withToken({ roles: ['reader'] })),
    ];
    for (const answer of refused) {
      expect(answer.status).toBe(403);
      expect(answer.text).not.toMatch(/markets|trader|auditor|scope|role/);
    }
    // RFC 6750 section 3.1: to ask for another token would help; which scopes it needs is not said.
    expect(refused.map(({ asks }) => asks)).toEqual([
      'Bearer realm="sluice", error="insufficient_scope"',
      null,
    ]);
    for (const path of ['/v1/trades', '/v1/role']) {
      expect(await get(path, withKey)).toMatchObject({ status: 200 });
      expect(await get(path, withToken({ roles: ['trader'] }))).toMatchObject({ status: 200 });
    }
  });
});

describe('a request with two credentials of one kind', () => {
  it('is refused on every route, because two programs could each take another', async () => {
    for (const name of ['Authorization', 'X-API-Key']) {
      const client = await RawClient.open(edge.url);
      client.send(`GET /v1/open HTTP/1.1\r\nHost: a\r\n${name}: a\r\n${name}: b\r\n\r\n`);
      expect((await client.response()).json()).toMatchObject({ status: 400, code: 'bad_request' });
      client.close();
    }
    expect(edge.received).toEqual([]);
  });
});

describe('a call over a live connection', () => {
  const call = (path: string, headers: string[] = []) =>
    edge.call({
      method: 'GET',
      target: path,
      headers,
      body: Buffer.alloc(0),
      address: '127.0.0.1',
      caller: carried,
    });
  let carried: Awaited<ReturnType<TestEdge['authenticator']['identify']>> = null;

  it('is made by who opened it, unless it brings a credential of its own', async () => {
    carried = await edge.authenticator.identify(
      {
        authorization: null,
        cookie: null,
        queryToken: null,
        method: 'GET',
        origin: null,
        secFetchSite: null,
        apiKey: key.text,
      },
      ['key'],
    );
    expect((await call('/v1/trades')).status).toBe(200);
    expect((await call('/v1/both', ['authorization', 'Bearer a.b.c'])).status).toBe(401);
    expect((await call('/v1/both', ['authorization', `Bearer ${idp.token({ sub: 'own' })}`])).status).toBe(
      200,
    );
    expect(edge.received.map(({ identity }) => identity?.subject)).toEqual(['acme', 'own']);
  });

  it('is nobody’s where the route does not take what opened it', async () => {
    await edge.route({ id: 'tokens', path: '/v1/tokens', auth: ['jwt'] });
    expect((await call('/v1/tokens')).status).toBe(401);
    carried = null;
    expect((await call('/v1/both')).status).toBe(401);
  });
});
