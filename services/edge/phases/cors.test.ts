import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { rawRequest, type RawResponse } from '@sluice/testing';
import { CorsPolicy } from '../cors/policy.ts';
import { startTestEdge, type TestEdge } from '../testing/test-edge.ts';

const app = 'https://app.example';
let edge: TestEdge;
beforeAll(async () => {
  edge = await startTestEdge({
    document: {
      cors: {
        web: {
          origins: [app, 'https://*.tenants.example', 'http://localhost:5173'],
          credentials: true,
          max_age: '5m',
          expose: ['x-total'],
        },
        open: { origins: ['*'], methods: ['GET', 'DELETE'] },
        sandbox: { origins: [app, 'null'] },
      },
      defaults: { cors: 'web' },
    },
    live: {
      handleSse: (_, response) => void response.writeHead(200, ['content-type', 'text/event-stream']).end(),
    },
  });
  await edge.route({ id: 'list', path: '/v1/items', cors: 'web' });
  await edge.route({ id: 'add', method: 'POST', path: '/v1/items', cors: 'web', auth: ['key'] });
  await edge.route({ id: 'drop', method: 'DELETE', path: '/v1/items', cors: 'open' });
  await edge.route({ id: 'public', path: '/v1/public', cors: 'open' });
  await edge.route({ id: 'any', method: '*', path: '/v1/any', cors: 'web' });
  await edge.route({ id: 'sandbox', path: '/v1/sandbox', cors: 'sandbox' });
  await edge.route({ id: 'own', path: '/v1/own', cors: null });
  await edge.route({ id: 'own-options', method: 'OPTIONS', path: '/v1/own', cors: null });
});
afterAll(() => edge.stop());
beforeEach(() => {
  edge.received.length = 0;
  edge.backend = () => ({ body: Buffer.from('ok') });
});

function ask(method: string, path: string, fields: Record<string, string> = {}): Promise<RawResponse> {
  const lines = Object.entries({ host: 'a', ...fields }).map(([name, value]) => `${name}: ${value}\r\n`);
  return rawRequest(edge.url, `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`);
}

const preflight = (path: string, method: string, origin = app, fields: Record<string, string> = {}) =>
  ask('OPTIONS', path, { origin, 'access-control-request-method': method, ...fields });

/** What an answer says about CORS, without the prefix. */
function said({ headers }: RawResponse): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const [name, value] of headers) {
    if (name.startsWith('access-control-')) fields[name.slice('access-control-'.length)] = value;
    if (name === 'vary') fields['vary'] = 'vary' in fields ? `${fields['vary']}; ${value}` : value;
  }
  return fields;
}

describe('a preflight', () => {
  it('is answered for the method that it asks about, before anybody asks for credentials', async () => {
    const response = await preflight('/v1/items', 'POST', app, {
      'access-control-request-headers': 'x-api-key',
    });
    expect([response.status, response.body.length, response.header('content-length')]).toEqual([
      204,
      0,
      undefined,
    ]);
    expect(said(response)).toEqual({
      'allow-origin': app,
      'allow-methods': 'GET, HEAD, POST',
      'allow-headers': 'authorization, content-type, x-api-key, x-request-id',
      'allow-credentials': 'true',
      'max-age': '300',
      vary: 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers',
    });
    expect(edge.received).toEqual([]);
    // The policy of another method of the same path is another one, and browsers keep answers by path.
    expect(said(await preflight('/v1/items', 'DELETE'))).toMatchObject({
      'allow-origin': '*',
      'allow-methods': 'DELETE',
    });
  });

  it('never gives credentials to everybody', async () => {
    expect(said(await preflight('/v1/public', 'GET'))).toMatchObject({ 'allow-methods': 'GET' });
    expect(said(await preflight('/v1/public', 'GET'))).not.toHaveProperty('allow-credentials');
    expect(said(await ask('GET', '/v1/public', { origin: app }))).not.toHaveProperty('allow-credentials');
    // No document may ask for both; should one, everybody is what counts.
    const rules = { origins: [app, '*'], headers: [], expose: [], credentials: true, max_age: 0 };
    const both = new CorsPolicy(rules);
    for (const fields of [both.answer(app), both.preflight(app, ['GET'])])
      expect(fields).not.toContain('access-control-allow-credentials');
  });

  it('of an origin that is not allowed says nothing that a page could use', async () => {
    const response = await preflight('/v1/items', 'POST', 'https://evil.example');
    expect([response.status, Object.keys(said(response))]).toEqual([204, ['vary']]);
  });

  it('asks about a method that the path has not: the default policy tells which it has', async () => {
    expect(said(await preflight('/v1/items', 'PATCH'))).toMatchObject({
      'allow-origin': app,
      'allow-methods': 'GET, HEAD, POST',
    });
  });

  it('of a route for every method allows the one that it asks about', async () => {
    expect(said(await preflight('/v1/any', 'PURGE'))).toMatchObject({ 'allow-methods': 'PURGE' });
    expect(edge.received).toEqual([]);
  });

  it('of a path that nobody has is 404, and a page may read that', async () => {
    const response = await preflight('/nowhere', 'GET');
    expect([response.status, said(response)['allow-origin']]).toEqual([404, app]);
  });

  it('goes to a backend that speaks CORS itself, where the route has no policy', async () => {
    edge.backend = () => ({ headers: ['access-control-allow-origin', 'https://backend.example'] });
    expect(said(await preflight('/v1/own', 'GET'))).toEqual({ 'allow-origin': 'https://backend.example' });
    expect(edge.received.map(({ route }) => route)).toEqual(['own-options']);
  });

  it('of the gateway’s own paths has the default policy', async () => {
    for (const path of ['/openapi.json', '/docs', '/v1/stream'])
      expect(said(await preflight(path, 'GET'))).toMatchObject({ 'allow-origin': app });
  });

  it('is only one with both fields; other OPTIONS are answered as ever', async () => {
    const response = await ask('OPTIONS', '/v1/items', { origin: app });
    expect([response.status, response.header('allow')]).toEqual([204, 'DELETE, GET, HEAD, OPTIONS, POST']);
    expect(said(response)).not.toHaveProperty('allow-methods');
  });
});

describe('an answer', () => {
  it.each([
    ['https://app.example', true],
    ['http://localhost:5173', true],
    ['https://one.tenants.example', true],
    ['https://a.b-c.tenants.example', true],
    ['https://tenants.example', false],
    ['https://.tenants.example', false],
    ['https://a..tenants.example', false],
    ['https://eviltenants.example', false],
    ['https://one.tenants.example.evil.example', false],
    ['https://evil.example/.tenants.example', false],
    ['https://evil.example#.tenants.example', false],
    ['https://evil@one.tenants.example', false],
    ['http://one.tenants.example', false],
    ['https://one.tenants.example:8443', false],
    ['https://app.example:443', false],
    ['https://APP.example', false],
    ['http://app.example', false],
    ['https://app.example.', false],
    ['https://app.example, https://evil.example', false],
    ['null', false],
    ['*', false],
    ['', false],
  ])('to %s may be read: %s', async (origin, allowed) => {
    const fields = said(await ask('GET', '/v1/items', { origin }));
    expect(fields['vary']).toBe('Origin');
    expect(fields).toEqual(
      allowed
        ? { 'allow-origin': origin, 'allow-credentials': 'true', 'expose-headers': 'x-total', vary: 'Origin' }
        : { vary: 'Origin' },
    );
  });

  it('to a request without an origin still says that the origin decides', async () => {
    expect(said(await ask('GET', '/v1/items'))).toEqual({ vary: 'Origin' });
    expect(said(await ask('GET', '/v1/public'))).toMatchObject({ 'allow-origin': '*' });
  });

  it('keeps the backend’s Vary and drops its own idea of CORS', async () => {
    edge.backend = () => ({
      headers: [
        'vary',
        'accept',
        'access-control-allow-origin',
        '*',
        'access-control-allow-credentials',
        'true',
      ],
    });
    expect(said(await ask('GET', '/v1/items', { origin: 'https://evil.example' }))).toEqual({
      vary: 'accept; Origin',
    });
    expect(said(await ask('GET', '/v1/own', { origin: 'https://evil.example' }))).toMatchObject({
      'allow-origin': '*',
    });
  });

  it('to the opaque origin of a sandboxed page never has credentials', async () => {
    expect(said(await ask('GET', '/v1/sandbox', { origin: 'null' }))).toMatchObject({
      'allow-origin': 'null',
    });
    expect(said(await ask('GET', '/v1/sandbox', { origin: 'null' }))).not.toHaveProperty('allow-credentials');
    const rules = { origins: [app, 'null'], headers: [], expose: [], credentials: true, max_age: 0 };
    const both = new CorsPolicy(rules);
    for (const fields of [both.answer('null'), both.preflight('null', ['GET'])])
      expect(fields).not.toContain('access-control-allow-credentials');
    expect(both.answer(app)).toContain('access-control-allow-credentials');
  });

  it.each([
    ['401', 'POST', '/v1/items', {}, 401],
    ['404', 'GET', '/nowhere', {}, 404],
    ['405', 'PUT', '/v1/items', {}, 405],
    ['400', 'GET', '/a//b', {}, 400],
    ['413', 'GET', '/v1/items', { 'content-length': '99999999' }, 413],
  ] as const)('that is a refusal may be read too: %s', async (_, method, path, fields, status) => {
    const response = await ask(method, path, { origin: app, ...fields });
    expect([response.status, said(response)['allow-origin']]).toEqual([status, app]);
  });

  it('that never came (no router) may be read too', async () => {
    await edge.routerAway(true);
    const response = await ask('GET', '/v1/items', { origin: app });
    await edge.routerAway(false);
    expect([response.status, said(response)['allow-origin']]).toEqual([503, app]);
  });

  it('of the gateway itself has the default policy, streams included', async () => {
    for (const path of ['/docs', '/v1/stream'])
      expect(said(await ask('GET', path, { origin: app }))).toMatchObject({ 'allow-origin': app });
  });
});

describe('a change of the document', () => {
  it('counts at once; a policy that a route names and nobody has any more closes', async () => {
    await using own = await startTestEdge({ document: { cors: { web: { origins: [app] } } } });
    await own.route({ path: '/v1/items', cors: 'web' });
    const allowed = async () =>
      (await fetch(`${own.url}/v1/items`, { headers: { origin: app } })).headers.get(
        'access-control-allow-origin',
      );
    own.backend = () => ({ headers: ['access-control-allow-origin', '*'] });
    expect(await allowed()).toBe(app);
    await own.document({ cors: { web: { origins: ['https://other.example'] } } });
    expect(await allowed()).toBeNull();
    await own.document({});
    expect(await allowed()).toBeNull();
    // No policy for the gateway: its own answers say nothing.
    expect((await fetch(`${own.url}/nowhere`, { headers: { origin: app } })).headers.get('vary')).toBeNull();
  });
});
