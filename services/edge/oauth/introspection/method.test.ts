import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { GatewayInput } from '@sluice/policy';
import { until } from '@sluice/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  machineClient,
  startOidcProvider,
  type TestProvider,
} from '../../../../tests/support/oidc-provider.ts';
import type { Caller } from '../../caller.ts';
import type { Ending } from '../../credentials/authenticator.ts';
import { bearer, invalidToken, outcome, sent } from '../../credentials/testing/credentials.ts';
import { TestDocuments } from '../../testing/documents.ts';
import { IntrospectionMethod } from './method.ts';

process.env['TEST_INTROSPECTION_SECRET'] = machineClient.client_secret;

let provider: TestProvider;
beforeAll(async () => {
  provider = await startOidcProvider();
});
afterAll(() => provider.stop());

let documents: TestDocuments;
let method: IntrospectionMethod;
let reports: string[] = [];
afterEach(() => {
  method.stop();
  provider.trouble = null;
  provider.lifetimes.access = 300;
});

function endpoint(more: object = {}): NonNullable<GatewayInput['introspection']>[string] {
  return {
    url: `${provider.issuer}/token/introspection`,
    client_id: machineClient.client_id,
    client_secret: { env: 'TEST_INTROSPECTION_SECRET' },
    timeout: '2s',
    ...more,
  };
}

function start(input: GatewayInput): void {
  documents = new TestDocuments(input);
  reports = [];
  method = new IntrospectionMethod({
    document: documents,
    settings: { keyCache: 10, tokenCache: 100, tokenCacheBytes: 1_000_000 },
    report: (detail) => reports.push(detail),
  });
}

const verify = async (token: string): Promise<Caller> => method.verify(bearer(token));
const asked = (): number => provider.requests.get('/token/introspection') ?? 0;
const unavailable = { code: 'unavailable', asks: undefined };

describe('tokens of a real provider', () => {
  beforeEach(() => start({ introspection: { main: endpoint() } }));

  it('of client credentials have the client as their subject', async () => {
    const caller = await verify(await provider.clientToken('markets:read markets:write'));
    expect(caller).toMatchObject({
      identity: {
        subject: 'machine',
        kind: 'oauth',
        roles: ['machine'],
        scopes: ['markets:read', 'markets:write'],
        tenant: null,
      },
      method: 'oauth',
      source: 'main',
      consumer: null,
    });
    expect(caller.expiresAt).toBeGreaterThan(Date.now());
  });

  it('are asked about once, however many ask at a time and afterwards', async () => {
    const token = await provider.clientToken();
    const before = asked();
    const callers = await Promise.all(Array.from({ length: 50 }, () => verify(token)));
    expect(asked() - before).toBe(1);
    // At once from then on, and the same object.
    expect(method.verify(bearer(token))).toBe(callers[0]);
    expect(new Set(callers).size).toBe(1);
    expect(asked() - before).toBe(1);
  });

  it('that nobody gave out are refused, and remembered apart from good ones', async () => {
    const good = await provider.clientToken();
    await verify(good);
    const before = asked();
    for (let i = 0; i < 3; i++) expect(await outcome(() => verify('invented'))).toEqual(invalidToken);
    expect(asked() - before).toBe(1);
    expect(method.sizes).toEqual({ good: 1, refused: 1, asking: 0 });
  });

  it.each(['bad token', 'a"b', 'x'.repeat(5_000), 'ü'])(
    'that cannot be tokens are not asked about',
    async (text) => {
      const before = asked();
      expect(await outcome(() => verify(text))).toEqual(invalidToken);
      expect(asked()).toBe(before);
    },
  );

  it('count no longer than they live, whatever the cache says', async () => {
    provider.lifetimes.access = 1;
    start({ introspection: { main: endpoint({ cache: '10m' }) } });
    const token = await provider.clientToken();
    const { expiresAt } = await verify(token);
    await until(async () => (await outcome(() => verify(token))) !== null && Date.now() >= (expiresAt ?? 0));
    expect(await outcome(() => verify(token))).toEqual(invalidToken);
  });

  it('that were taken back stop when the answer is old, on live connections too', async () => {
    start({ introspection: { main: endpoint({ cache: '300ms' }) } });
    const token = await provider.clientToken();
    const endings: Ending[] = [];
    const stop = method.watch(
      await verify(token),
      (why) => endings.push(why),
      () => {},
    );
    await provider.revoke(token);
    await until(async () => (await outcome(() => verify(token))) !== null && endings.length > 0);
    expect(endings).toEqual(['revoked']);
    expect(await outcome(() => verify(token))).toEqual(invalidToken);
    stop();
  });

  it('are asked about again in the background before their answer is old', async () => {
    start({ introspection: { main: endpoint({ cache: '1s' }) } });
    const token = await provider.clientToken();
    const caller = await verify(token);
    const before = asked();
    await until(() => {
      const now = method.verify(bearer(token));
      // Never a promise: nobody waits.
      expect(now).not.toBeInstanceOf(Promise);
      return now !== caller;
    });
    expect(asked()).toBeGreaterThan(before);
  });

  it('known to be good go on while the provider is away; others are 503, never 401', async () => {
    const token = await provider.clientToken();
    const another = await provider.clientToken();
    await verify(token);
    for (const trouble of ['refuse', 'fail'] as const) {
      provider.trouble = trouble;
      expect((await verify(token)).identity.subject).toBe('machine');
      expect(await outcome(() => verify(another))).toEqual(unavailable);
    }
    provider.trouble = null;
    await until(async () => (await verify(another)).identity.subject === 'machine');
    // One line for the outage, not one per request.
    expect(reports).toHaveLength(1);
  });

  it('are 503 after the timeout where nothing answers', async () => {
    start({ introspection: { main: endpoint({ timeout: '100ms' }) } });
    const token = await provider.clientToken();
    provider.trouble = 'hang';
    expect(await outcome(() => verify(token))).toEqual(unavailable);
  });

  it('are given the roles that the document has now, without being asked about again', async () => {
    const token = await provider.clientToken();
    const caller = await verify(token);
    const before = asked();
    documents.set({
      introspection: { main: endpoint() },
      roles: { machine: { scopes: ['reports:read'] } },
    });
    expect(method.current(caller)?.identity.scopes).toEqual(['markets:read', 'reports:read']);
    expect((await verify(token)).identity.scopes).toEqual(['markets:read', 'reports:read']);
    expect(asked()).toBe(before);
    documents.set({
      introspection: { main: endpoint({ role_map: { machine: 'robot' } }) },
      roles: { robot: {} },
    });
    expect((await verify(token)).identity.roles).toEqual(['robot']);
    documents.set({});
    expect(method.current(caller)).toBeNull();
    expect(await outcome(() => verify(token))).toEqual(invalidToken);
  });

  it('are 503 where our own secret is not accepted, or not there', async () => {
    const token = await provider.clientToken();
    start({ introspection: { main: endpoint({ client_id: 'somebody' }) } });
    expect(await outcome(() => verify(token))).toEqual(unavailable);
    start({ introspection: { main: endpoint({ client_secret: { env: 'TEST_NO_SUCH_SECRET' } }) } });
    expect(await outcome(() => verify(token))).toEqual(unavailable);
    expect(reports.join()).not.toContain(machineClient.client_secret);
  });
});

describe('which tokens are opaque', () => {
  beforeEach(() => start({ introspection: { main: endpoint() } }));

  it.each([
    ['abc', true],
    ['slk_0123456789ab_x_y', false],
    ['eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln', false],
  ])('%s: %s', (token, opaque) => expect(method.present(bearer(token))).toBe(opaque));

  it('none without one', () => expect(method.present(sent())).toBe(false));
});

describe('answers of endpoints that are not as they should be', () => {
  let answer: (request: IncomingMessage, response: ServerResponse) => void = () => {};
  const server = createServer((request, response) => answer(request, response));
  let url = '';
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/introspect`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  const says = (value: unknown): void => {
    answer = (_, response) => response.end(typeof value === 'string' ? value : JSON.stringify(value));
  };

  it.each([
    ['no JSON', 'hello'],
    ['a list', '[]'],
    ['null', 'null'],
    ['more than 64 KiB', `{"active":true,"sub":"a","x":"${'x'.repeat(70_000)}"}`],
  ])('%s is 503', async (_, text) => {
    start({ introspection: { main: endpoint({ url }) } });
    says(text);
    expect(await outcome(() => verify('token'))).toEqual(unavailable);
  });

  it('an endless one is 503, and is read no further', async () => {
    start({ introspection: { main: endpoint({ url }) } });
    let closed = false;
    answer = (_, response) => {
      const more = (): void => {
        if (!closed) response.write('x'.repeat(16_384), () => setImmediate(more));
      };
      response.on('close', () => (closed = true));
      more();
    };
    expect(await outcome(() => verify('token'))).toEqual(unavailable);
    await until(() => closed);
  });

  it('a redirect is not followed: the question holds a secret', async () => {
    start({ introspection: { main: endpoint({ url }) } });
    let requests = 0;
    answer = (_, response) => {
      requests++;
      response.writeHead(307, { location: '/elsewhere' }).end();
    };
    expect(await outcome(() => verify('token'))).toEqual(unavailable);
    expect(requests).toBe(1);
  });

  const soon = Math.floor(Date.now() / 1_000) + 300;
  it.each([
    ['says no more than that it is active', { active: true }, false],
    ['is not active', { active: false, sub: 'a' }, false],
    ['is active in words', { active: 'true', sub: 'a' }, false],
    ['has a subject', { active: true, sub: 'a' }, true],
    ['has ended', { active: true, sub: 'a', exp: 1 }, false],
    ['ends later', { active: true, sub: 'a', exp: soon }, true],
    ['ends at no time', { active: true, sub: 'a', exp: 'soon' }, false],
    ['ends after all times', { active: true, sub: 'a', exp: 1e300 }, false],
    ['is bound to a key', { active: true, sub: 'a', cnf: { jkt: 'x' } }, false],
    ['is for proofs of possession', { active: true, sub: 'a', token_type: 'DPoP' }, false],
    ['is a bearer token', { active: true, sub: 'a', token_type: 'bearer' }, true],
  ])('a token that %s', async (_, value, good) => {
    start({ introspection: { main: endpoint({ url }) } });
    says(value);
    const result = await outcome(() => verify('token'));
    if (good) expect(result).toMatchObject({ identity: { subject: 'a' } });
    else expect(result).toEqual(invalidToken);
  });

  it.each([
    [{ active: true, sub: 'a', iss: 'us', aud: 'api' }, true],
    [{ active: true, sub: 'a', aud: ['other', 'api'] }, true],
    [{ active: true, sub: 'a', iss: 'us' }, false],
    [{ active: true, sub: 'a', iss: 'us', aud: 'other' }, false],
    [{ active: true, sub: 'a', iss: 'them', aud: 'api' }, false],
  ])('with issuer and audience in the document: %j is %s', async (value, good) => {
    start({ introspection: { main: endpoint({ url, issuer: 'us', audience: ['api'] }) } });
    says(value);
    const result = await outcome(() => verify('token'));
    expect('identity' in result).toBe(good);
  });

  it('the credentials of the client are encoded before they are joined (RFC 6749 section 2.3.1)', async () => {
    process.env['TEST_ODD_SECRET'] = 'a:b c/ü';
    let header = '';
    let body = '';
    answer = (request, response) => {
      header = request.headers.authorization ?? '';
      request.on('data', (piece: Buffer) => (body += piece.toString()));
      request.on('end', () => response.end('{"active":false}'));
    };
    const odd = endpoint({ url, client_id: 'my:id', client_secret: { env: 'TEST_ODD_SECRET' } });
    start({ introspection: { main: odd } });
    await outcome(() => verify('token+/='));
    expect(Buffer.from(header.slice(6), 'base64').toString()).toBe('my%3Aid:a%3Ab+c%2F%C3%BC');
    expect(new URLSearchParams(body).get('token')).toBe('token+/=');
  });

  it('what they say otherwise about a token counts on live connections too, when the answer is old', async () => {
    start({ introspection: { main: endpoint({ url, cache: '100ms' }) } });
    says({ active: true, sub: 'a', roles: ['trader'] });
    const caller = await verify('token');
    const roles: (readonly string[] | undefined)[] = [];
    let answers = 0;
    const stop = method.watch(
      caller,
      () => {},
      () => roles.push(method.current(caller)?.identity.roles),
    );
    answer = (_, response) => {
      answers++;
      response.end('{"active":true,"sub":"a","roles":["guest"]}');
    };
    // Told once, however often the same is said again.
    await until(() => answers > 2);
    expect(roles).toEqual([['guest']]);
    stop();
  });

  it('several endpoints are asked in order until one knows the token; a silent one counts only where nobody does', async () => {
    start({ introspection: { first: endpoint({ url }), second: endpoint() } });
    says({ active: false });
    const token = await provider.clientToken();
    expect((await verify(token)).source).toBe('second');
    expect(await outcome(() => verify('invented'))).toEqual(invalidToken);

    answer = (_, response) => response.writeHead(500).end();
    const another = await provider.clientToken();
    expect((await verify(another)).source).toBe('second');
    expect(await outcome(() => verify('invented-too'))).toEqual(unavailable);
  });

  it('an endpoint that fails three times is left alone for a moment, and then asked again', async () => {
    start({ introspection: { main: endpoint({ url }) } });
    let requests = 0;
    answer = (_, response) => {
      requests++;
      response.writeHead(500).end();
    };
    for (let i = 0; i < 20; i++) expect(await outcome(() => verify(`token-${i}`))).toEqual(unavailable);
    expect(requests).toBe(3);
    says({ active: true, sub: 'a' });
    await until(async () => (await verify('token')).identity.subject === 'a');
  });

  it('no more than 256 questions are open at one endpoint', async () => {
    start({ introspection: { main: endpoint({ url }) } });
    const open: ServerResponse[] = [];
    answer = (_, response) => void open.push(response);
    const results = Array.from({ length: 300 }, (_, i) => outcome(() => verify(`token-${i}`)));
    await until(() => open.length === 256);
    expect(method.sizes.asking).toBe(256);
    for (const response of open) response.end('{"active":false}');
    const codes = (await Promise.all(results)).map((result) => (result as { code: string }).code);
    expect(codes.filter((code) => code === 'unavailable')).toHaveLength(44);
    expect(codes.filter((code) => code === 'unauthorized')).toHaveLength(256);
  });
});
