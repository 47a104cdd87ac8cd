import { describe, expect, test } from 'vitest';
import { checkDocumentGently } from './check.ts';
import { checkDocument, documentNotes, faultSentence, gatewaySchema, type GatewayInput } from '../mod.ts';

/** Every fault as one sentence. */
function faultsOf(document: unknown): string[] {
  const result = checkDocument(document);
  return result.ok ? [] : result.faults.map(faultSentence);
}

const route = { id: 'a', path: '/a', subject: 'a.get' };
const limit = { limit: 10, window: '1m' };

test('an empty document closes routes and leaves the market’s channels public', () => {
  const result = checkDocument({});
  expect(result.ok && result.document).toMatchObject({
    version: 1,
    defaults: {},
    routes: [],
    services: { '*': { paths: ['/'] } },
    limits: {},
  });
  expect(result.ok && result.document.defaults.auth).toBeUndefined();
  expect(result.ok && result.document.channels.every(({ auth }) => auth === 'public')).toBe(true);
});

test('defaults are filled in, and times become milliseconds', () => {
  const result = checkDocument({
    issuers: { i: { issuer: 'i', audience: ['a'], jwks: { url: 'https://i.test/keys' } } },
    limits: { l: limit },
    routes: [{ ...route, timeout: '2s' }],
  });
  expect(result.ok && result.document).toMatchObject({
    issuers: { i: { clock_tolerance: 60_000, jwks: { refresh: 300_000, cooldown: 30_000 } } },
    limits: { l: { window: 60_000, key: ['consumer'], on_failure: 'open' } },
    routes: [{ method: 'GET', encoding: 'raw', timeout: 2_000 }],
  });
});

test.each([
  'client_id',
  'redirect_uri',
  'response_type',
  'response_mode',
  'scope',
  'state',
  'nonce',
  'code_challenge',
  'code_challenge_method',
  'request',
  'request_uri',
])('a login does not set %s of its authorization request', (name) => {
  const login = {
    issuer: 'https://i.test',
    client_id: 'c',
    public_url: 'https://g.test',
    cookie_key: { env: 'K' },
  };
  const faults = (parameters: object) => faultsOf({ logins: { l: { ...login, parameters } } });
  expect(faults({ prompt: 'login' })).toEqual([]);
  expect(faults({ [name]: 'x' }).join()).toContain('that the gateway does not set itself');
});

describe('a fault of form says what to do:', () => {
  test.each<[string, unknown, string]>([
    ['a misspelt member', { routs: [] }, 'routs: "routs" is not known here (did you mean "routes"?)'],
    [
      'a member that is far from any',
      { live: { colour: 1 } },
      'live.colour: "colour" is not known here (known here: connections_per_address, ',
    ],
    [
      'a missing member',
      { routes: [{ id: 'a', path: '/a' }] },
      'routes[0].subject: is missing (NATS subject',
    ],
    ['a wrong type', { roles: [] }, 'roles: must be an object, not a list'],
    ['a document that is none', [], 'must be an object, not a list'],
    [
      'a misspelt choice',
      { defaults: { auth: ['kay'] } },
      'defaults.auth[0]: must be one of "key", "jwt", "oauth", "session" (did you mean "key"?)',
    ],
    [
      'a choice among forms',
      { defaults: { auth: 'publik' } },
      'defaults.auth: must be "public" or a list, not "publik" (did you mean "public"?)',
    ],
    [
      'a secret in the clear',
      { introspection: { i: { url: 'https://i.test', client_id: 'a', client_secret: 'hush' } } },
      'introspection.i.client_secret: must be an object, not a plain value (A reference to a secret: `{env: NAME}`',
    ],
    [
      'a number out of range',
      { limits: { a: { ...limit, limit: 0 } } },
      'limits.a.limit: must be at least 1',
    ],
    [
      'a time out of range',
      { limits: { a: { ...limit, window: '3w' } } },
      'limits.a.window: "3w" is not a time between "1s" and "1d"',
    ],
    ['an empty list', { cors: { a: { origins: [] } } }, 'cors.a.origins: must not be empty'],
    ['a name that is none', { limits: { 'a b': limit } }, 'limits["a b"]: a name is made of letters'],
    ['an unsafe address', { logins: { l: { issuer: 'http://i.test' } } }, 'is not an https:// address'],
    [
      'a symmetric algorithm',
      { issuers: { i: { issuer: 'i', audience: ['a'], jwks: { file: 'f' }, algorithms: ['HS256'] } } },
      'issuers.i.algorithms[0]: must be one of "ES256"',
    ],
  ])('%s', (_name, document, sentence) => {
    expect(
      faultsOf(document).some((fault) => fault.includes(sentence)),
      faultsOf(document).join('\n'),
    ).toBe(true);
  });

  test('every one at once', () => {
    expect(faultsOf({ routes: [{ id: 'a b', path: 'a' }], limits: { a: {} } })).toHaveLength(5);
  });
});

describe('a fault between the parts:', () => {
  test.each<[string, GatewayInput, string]>([
    [
      'a misspelt limit',
      { limits: { burst: limit }, routes: [{ ...route, limits: ['brust'] }] },
      'routes[0].limits[0]: limit "brust" is not defined (did you mean "burst"?)',
    ],
    [
      'a limit where there is none',
      { defaults: { limits: ['burst'] } },
      'defaults.limits[0]: limit "burst" is not defined (the document has no `limits`)',
    ],
    [
      'an unknown role',
      { overrides: { 'a.b': { roles: ['boss'] } } },
      'overrides["a.b"].roles[0]: role "boss" is not defined (there is "admin", "viewer")',
    ],
    [
      'an unknown quota of a consumer',
      { consumers: [{ id: 'a', quotas: ['daily'] }] },
      'consumers[0].quotas[0]: quota "daily" is not defined',
    ],
    ['an unknown CORS policy', { routes: [{ ...route, cors: 'web' }] }, 'routes[0].cors: CORS policy "web"'],
    [
      'a role of a map',
      { issuers: { i: { issuer: 'i', audience: ['a'], jwks: { file: 'f' }, role_map: { x: 'y' } } } },
      'issuers.i.role_map.x: role "y" is not defined',
    ],
    [
      'an unknown address list',
      { addresses: { lists: { office: ['10.0.0.0/8'] }, deny: ['offices'] } },
      'addresses.deny[0]: address list "offices" is not defined (did you mean "office"?)',
    ],
    [
      'a bad CIDR block',
      { routes: [{ ...route, addresses: { allow: ['10.0.0.0/33'] } }] },
      'routes[0].addresses.allow[0]: "10.0.0.0/33" is no address and no CIDR block',
    ],
    ['an octal address', { addresses: { lists: { l: ['010.0.0.1'] } } }, 'addresses.lists.l[0]: "010.0.0.1"'],
    ['a country in small letters', { addresses: { deny: ['country:de'] } }, '"country:de" is no country'],
    [
      'credentials for every origin',
      { cors: { a: { origins: ['https://a.test', '*'], credentials: true } } },
      'cors.a.origins[1]: "*" cannot be together with credentials',
    ],
    [
      'public with scopes',
      { routes: [{ ...route, auth: 'public', scopes: ['a'] }] },
      'routes[0].auth: is public',
    ],
    [
      'a public channel of the caller’s own',
      { channels: [{ match: 'user.{subject}', auth: 'public' }] },
      'channels[0].auth: is public, yet the channel names the caller',
    ],
    [
      'a channel rule that never counts',
      {
        channels: [
          { match: 'a.b', auth: 'public' },
          { match: 'a.b', auth: ['key'] },
        ],
      },
      'channels[1].match: "a.b" is already channels[0]',
    ],
    [
      'two routes with one id',
      { routes: [route, { ...route, path: '/b' }] },
      'routes[1].id: id "a" is taken by routes[0]',
    ],
    [
      'two routes in one place',
      {
        routes: [
          { ...route, path: '/{x}' },
          { ...route, id: 'b', path: '/{y}' },
        ],
      },
      'routes[1].path: GET /{y} is already answered by routes[0]',
    ],
    ['an id of the gateway', { routes: [{ ...route, id: 'openapi' }] }, 'taken by the gateway itself'],
    ['a path of the gateway', { routes: [{ ...route, path: '/docs/x' }] }, 'answered by the gateway itself'],
    [
      'a path of the gateway with a method that it does not have',
      { routes: [{ ...route, method: 'POST', path: '/openapi.json' }] },
      'routes[0].path: /openapi.json is answered by the gateway itself (these are its own: /docs, ',
    ],
    [
      'a path among those of logins',
      { routes: [{ ...route, method: '*', path: '/auth/{rest...}' }] },
      'routes[0].path: /auth/{rest...} is answered by the gateway itself',
    ],
    ['a path of the admin API', { routes: [{ ...route, path: '/admin/x' }] }, 'own admin service'],
    [
      'a subject of the admin API',
      { routes: [{ ...route, subject: 'sluice.admin.x' }] },
      'own admin service',
    ],
    [
      'an opened admin API',
      { overrides: { 'admin.*': { auth: 'public' } } },
      'the admin API cannot be public',
    ],
    [
      'other roles for the admin API',
      { overrides: { 'admin.keys': { roles: ['viewer'] } } },
      'cannot be changed',
    ],
    [
      'an override of a declared route',
      { routes: [route], overrides: { a: { cost: 2 } } },
      '"a" is a declared route',
    ],
    [
      'roles in a circle',
      { roles: { a: { includes: ['b'] }, b: { includes: ['a'] } } },
      'roles.a.includes: role "a" includes itself in a circle',
    ],
    ['two consumers with one id', { consumers: [{ id: 'a' }, { id: 'a' }] }, 'is already consumers[0]'],
    [
      'two issuers with one name',
      {
        issuers: {
          a: { issuer: 'i', audience: ['a'], jwks: { file: 'f' } },
          b: { issuer: 'i', audience: ['b'], jwks: { file: 'f' } },
        },
      },
      'issuers.b.issuer: "i" is already issuers.a',
    ],
    ['a burst above the limit', { limits: { a: { ...limit, burst: 11 } } }, 'limits.a.burst: is more than'],
    [
      'a burst of a window that is one',
      { limits: { a: { limit: 10, window: '1s', burst: 5 } } },
      'limits.a.burst: needs a window longer than one second',
    ],
    [
      'a quota that is called like a limit',
      { limits: { a: limit }, quotas: { a: { limit: 1, period: 'day' } } },
      'quotas.a: a limit is called "a" too',
    ],
    [
      'a header field with a line break',
      { security_headers: { 'x-a': 'b\r\nc' } },
      'security_headers.x-a: has characters',
    ],
  ])('%s', (_name, document, sentence) => {
    expect(
      faultsOf(document).some((fault) => fault.includes(sentence)),
      faultsOf(document).join('\n'),
    ).toBe(true);
  });
});

test('many routes are checked in small steps, with the same outcome', async () => {
  const routes = Array.from({ length: 3_000 }, (_, n) => ({
    id: `r${n}`,
    path: `/r${n}/{id}`,
    subject: 'r.get',
  }));
  const whole = { limits: { burst: limit }, routes };
  const checked = checkDocument(whole);
  expect(checked.ok && checked.document.routes).toHaveLength(3_000);
  expect(checked.ok && checked.document.routes[2_999]).toMatchObject({ id: 'r2999', method: 'GET' });
  let turns = 0;
  const counting = setInterval(() => turns++, 0);
  expect(await checkDocumentGently(whole)).toEqual(checked);
  clearInterval(counting);
  expect(turns).toBeGreaterThan(0);
  const wrong = {
    limits: { burst: limit },
    routes: [...routes, { id: 'x', path: '/x' }, { id: 'y', path: '/y', subject: 'y', limits: ['brust'] }],
    liev: {},
  };
  expect(faultsOf(wrong)).toEqual([
    'liev: "liev" is not known here (did you mean "live"?)',
    'routes[3000].subject: is missing (NATS subject that answers.)',
  ]);
  expect(await checkDocumentGently({ ...whole, routes: [...routes, { ...routes[0] }] })).toMatchObject({
    ok: false,
    faults: [{ path: ['routes', 3_000, 'id'] }, { path: ['routes', 3_000, 'path'] }],
  });
});

test('long address lists are checked in small steps, with the same outcome', async () => {
  const list = Array.from({ length: 12_000 }, (_, n) => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`);
  const whole = {
    addresses: { lists: { first: ['192.0.2.1'], long: list, last: ['192.0.2.2'] }, deny: ['long'] },
  };
  const checked = checkDocument(whole);
  expect(checked.ok && checked.document).toEqual(gatewaySchema.parse(whole));
  expect(checked.ok && Object.keys(checked.document.addresses.lists)).toEqual(['first', 'long', 'last']);
  expect(await checkDocumentGently(whole)).toEqual(checked);
  const wrong = { addresses: { lists: { long: list.with(7_000, ''), other: list.with(9, 5 as never) } } };
  expect(faultsOf(wrong)).toEqual([
    'addresses.lists.long[7000]: must not be empty',
    'addresses.lists.other[9]: must be a text, not 5',
  ]);
  expect(faultsOf({ addresses: { lists: { 'a b': list } } })[0]).toContain(
    'addresses.lists["a b"]: a name is',
  );
});

test('roles that include each other in long chains and circles take no longer than they are long', () => {
  const chain = (length: number, last: string[]) =>
    Object.fromEntries(
      Array.from({ length }, (_, n) => [`r${n}`, { includes: n + 1 < length ? [`r${n + 1}`] : last }]),
    );
  expect(faultsOf({ roles: chain(10_000, []) })).toEqual([]);
  const circle = faultsOf({ roles: { ...chain(3_000, ['r0']), outside: { includes: ['r7'] } } });
  expect(circle).toHaveLength(20);
  expect(circle[0]).toBe('roles.r0.includes: role "r0" includes itself in a circle');
});

test('names that are not there are told, however many; what was meant is guessed for the first hundred', () => {
  const consumers = Array.from({ length: 150 }, (_, n) => ({ id: `c${n}`, roles: ['bos'] }));
  const faults = faultsOf({ roles: { boss: {} }, consumers });
  expect(faults).toHaveLength(150);
  expect(faults.filter((fault) => fault.includes('did you mean "boss"?'))).toHaveLength(100);
});

describe('a note is made of', () => {
  const notesOf = (input: GatewayInput): string[] => {
    const result = checkDocument(input);
    if (!result.ok) throw new Error(result.faults.map(faultSentence).join('\n'));
    return documentNotes(result.document).map(faultSentence);
  };

  test('a route that nobody may call', () => {
    expect(notesOf({ routes: [route] })).toEqual([
      'routes[0]: nobody may call route "a" (say `auth` here or in `defaults`)',
    ]);
    const [asking] = notesOf({ defaults: { auth: 'public' }, routes: [{ ...route, scopes: ['a'] }] });
    expect(asking).toContain('it asks for roles or scopes');
    expect(notesOf({ defaults: { auth: ['key'] }, routes: [route] })).toEqual([]);
  });

  test('credentials that nobody can have', () => {
    expect(notesOf({ routes: [{ ...route, auth: ['jwt', 'session'] }] })).toEqual([
      'routes[0].auth: nobody can have these credentials: the document has nothing for jwt (`issuers`), session (`logins`)',
    ]);
    expect(notesOf({ routes: [{ ...route, auth: ['jwt', 'key'] }] })).toEqual([]);
  });
});
