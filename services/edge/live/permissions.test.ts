import { isPattern, matchesPattern } from '@sluice/live';
import { gatewaySchema, type GatewayInput } from '@sluice/policy';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Caller } from '../caller.ts';
import { channelPermissions, ChannelsRefused } from './permissions.ts';

type Rules = NonNullable<GatewayInput['channels']>;

const permissionsOf = (channels: Rules) => channelPermissions(gatewaySchema.parse({ channels }).channels);

function caller(subject: string, more: Partial<Caller & Caller['identity']> = {}): Caller {
  const { method = 'jwt', consumer = null, roles = [], scopes = [], tenant = null } = more;
  return {
    identity: { subject, kind: method, roles, scopes, tenant },
    method,
    consumer,
    key: null,
    source: method === 'key' ? null : 'acme',
    tokenId: null,
    issuedAt: null,
    expiresAt: null,
    claims: {},
  };
}

describe('the rules of a document that says nothing', () => {
  const { permissions } = { permissions: channelPermissions(gatewaySchema.parse({}).channels) };

  it.each([
    'trades.BTCUSDT',
    'trades.*',
    'trades.>',
    'ticker.*',
    'candles.BTCUSDT.1m',
    'candles.*.1m',
    'quotes.>',
  ])('let everybody read %s', (name) => expect(permissions.refusal(name, null)).toBeNull());

  it.each(['orders.eu', 'orders.>', 'user.42.orders'])('let nobody read %s', (name) => {
    expect(permissions.refusal(name, null)).toBe('forbidden');
    expect(permissions.refusal(name, caller('42'))).toBe('forbidden');
  });
});

describe('a rule', () => {
  const permissions = permissionsOf([
    { match: 'desk.*', auth: ['jwt', 'key'], roles: ['trader', 'risk'], scopes: ['desk:read', 'desk:all'] },
    { match: 'news.>', auth: ['key'], wildcards: false },
  ]);
  const scopes = ['desk:read', 'desk:all'];

  it.each([
    ['nobody', null, 'unauthorized'],
    ['one of the roles and all scopes', caller('a', { roles: ['risk'], scopes }), null],
    ['no role', caller('a', { scopes }), 'forbidden'],
    ['not all scopes', caller('a', { roles: ['trader'], scopes: ['desk:read'] }), 'forbidden'],
    ['another method', caller('a', { roles: ['trader'], scopes, method: 'session' }), 'forbidden'],
  ])('asks for method, roles and scopes: %s', (_name, who, expected) =>
    expect(permissions.refusal('desk.one', who)).toBe(expected),
  );

  it('may be for single channels only', () => {
    expect(permissions.refusal('news.eu.x', caller('a', { method: 'key' }))).toBeNull();
    expect(permissions.refusal('news.eu.*', caller('a', { method: 'key' }))).toBe('forbidden');
    expect(permissions.refusal('news.>', null)).toBe('forbidden');
  });
});

describe('the first rule that matches', () => {
  const permissions = permissionsOf([
    { match: 'orders.secret.>', auth: ['jwt'], roles: ['admin'] },
    { match: 'orders.public', auth: 'public' },
    { match: 'orders.>', auth: ['jwt'] },
    { match: '*.status', auth: 'public' },
    { match: 'orders.public', auth: ['session'] },
  ]);
  const jwt = caller('a');

  it.each([
    ['orders.secret.x', jwt, 'forbidden'],
    ['orders.secret.x', caller('a', { roles: ['admin'] }), null],
    ['orders.eu', jwt, null],
    ['orders.eu', null, 'unauthorized'],
    ['orders.public', null, null],
    ['orders.status', null, 'unauthorized'],
    ['other.status', null, null],
    ['other.thing', jwt, 'forbidden'],
  ])('decides about %s', (name, who, expected) => expect(permissions.refusal(name, who)).toBe(expected));

  it.each([
    ['orders.>', jwt, 'forbidden'],
    ['orders.*.>', jwt, 'forbidden'],
    ['orders.*.x', jwt, 'forbidden'],
    ['orders.eu.>', jwt, null],
    ['orders.*', jwt, null],
    ['orders.>', caller('a', { roles: ['admin'] }), null],
    ['other.*', null, 'forbidden'],
  ])('lets a pattern through only where no stricter rule holds a part of it: %s', (name, who, expected) =>
    expect(permissions.refusal(name, who)).toBe(expected),
  );
});

describe('a placeholder', () => {
  const permissions = permissionsOf([
    { match: 'user.{subject}.>', auth: ['jwt', 'key'] },
    { match: 'client.{consumer}.*', auth: ['key'] },
    { match: '{tenant}.events.>', auth: ['jwt'] },
  ]);

  it.each([
    ['user.42.orders', caller('42'), null],
    ['user.42.orders.open', caller('42'), null],
    ['user.42.>', caller('42'), null],
    ['user.42.*', caller('42'), null],
    ['client.acme.x', caller('acme', { method: 'key', consumer: 'acme' }), null],
    ['acme.events.x', caller('42', { tenant: 'acme' }), null],
    ['acme.events.>', caller('42', { tenant: 'acme' }), null],
  ])('stands for the caller’s own: %s', (name, who, expected) =>
    expect(permissions.refusal(name, who)).toBe(expected),
  );

  it.each([
    ['user.43.orders', caller('42')],
    ['user.421.orders', caller('42')],
    ['user.*.orders', caller('42')],
    ['user.>', caller('42')],
    ['user.*.>', caller('42')],
    ['user.42', caller('42')],
    ['client.acme.x', caller('acme', { method: 'key', consumer: null })],
    ['client.other.x', caller('other', { method: 'jwt', consumer: 'other' })],
    ['other.events.x', caller('42', { tenant: 'acme' })],
    ['acme.events.x', caller('42')],
  ])('and for nobody else’s: %s', (name, who) => expect(permissions.refusal(name, who)).toBe('forbidden'));

  it.each(['*', '>', '42.x', '', 'a b', 'a\n', '{subject}', 'x'.repeat(300), 'é'])(
    'is never filled with what is no part of a channel: %j',
    (subject) => {
      for (const name of ['user.42.orders', 'user.*.orders', 'user.>', 'user.*.>', 'user.42.x.y'])
        expect(permissions.refusal(name, caller(subject))).toBe('forbidden');
    },
  );

  it('tells strangers that credentials may help, where they may', () => {
    expect(permissions.refusal('user.42.orders', null)).toBe('unauthorized');
    expect(permissions.refusal('user.42', null)).toBe('forbidden');
  });
});

describe('patterns', () => {
  const token = fc.constantFrom('a', 'b', '42');
  const ruleToken = fc.oneof(token, fc.constantFrom('*', '{subject}', '{tenant}'));
  const match = fc
    .tuple(fc.array(ruleToken, { minLength: 1, maxLength: 3 }), fc.constantFrom('a', '*', '>', '{subject}'))
    .map(([tokens, last]) => [...tokens, last].join('.'));
  const rule = fc.record({
    match,
    auth: fc.constantFrom('public' as const, ['jwt' as const], ['key' as const]),
    wildcards: fc.boolean(),
  });
  const name = fc
    .tuple(
      token,
      fc.array(fc.oneof(token, fc.constant('*')), { maxLength: 2 }),
      fc.constantFrom('a', '*', '>'),
    )
    .map(([first, middle, last]) => [first, ...middle, last].join('.'));
  const channel = fc.array(token, { minLength: 2, maxLength: 5 }).map((tokens) => tokens.join('.'));
  const who = fc.constantFrom(
    null,
    caller('42', { tenant: 'a' }),
    caller('b', { method: 'key', tenant: '*' }),
  );

  /** One of the channels that a pattern matches: its wildcards filled with these tokens. */
  const channelIn = (pattern: string, filling: readonly string[]): string =>
    pattern
      .split('.')
      .map((part, i) => (part === '*' || part === '>' ? filling[i % filling.length] : part))
      .join('.');

  it('never give more than the channels one by one', () => {
    let allowed = 0;
    fc.assert(
      fc.property(
        fc.array(rule, { minLength: 1, maxLength: 6 }),
        name,
        fc.array(fc.array(token, { minLength: 3, maxLength: 3 }), { minLength: 10, maxLength: 10 }),
        who,
        (rules, asked, fillings, person) => {
          const permissions = permissionsOf(rules);
          fc.pre(isPattern(asked));
          if (permissions.refusal(asked, person) !== null) return;
          allowed += 1;
          for (const filling of fillings) {
            const one = channelIn(asked, filling);
            expect(matchesPattern(asked, one)).toBe(true);
            expect(permissions.refusal(one, person)).toBeNull();
          }
        },
      ),
      { numRuns: 3_000 },
    );
    // About a hundred and thirty.
    expect(allowed).toBeGreaterThan(20);
  });

  it('agree with asking every rule in turn', () => {
    fc.assert(
      fc.property(fc.array(rule, { maxLength: 6 }), channel, (rules, one) => {
        const person = caller('42', { tenant: 'a' });
        const filled = rules.map((each) => ({
          ...each,
          match: each.match.replaceAll('{subject}', '42').replaceAll('{tenant}', 'a'),
        }));
        const first = filled.find((each) => matchesPattern(each.match, one));
        const allowed = first !== undefined && (first.auth === 'public' || first.auth[0] === 'jwt');
        expect(permissionsOf(rules).refusal(one, person)).toBe(allowed ? null : 'forbidden');
      }),
      { numRuns: 500 },
    );
  });
});

describe('the grammar of rules', () => {
  it.each(['>', 'orders.>', '*.>', '{tenant}.orders.*', 'a.{subject}', 'a.b.c.d.e.f.g.>'])(
    'takes %s',
    (match) => expect(gatewaySchema.safeParse({ channels: [{ match, auth: 'public' }] }).success).toBe(true),
  );

  it.each([
    'orders',
    '*',
    'a.>.b',
    'user.{subject}x',
    'user.{name}',
    'a..b',
    'a.b*',
    'a.',
    '{subject',
    'a.b.c.d.e.f.g.h.>',
    `a.${'b'.repeat(200)}`,
    'a.é',
  ])('refuses %s', (match) =>
    expect(gatewaySchema.safeParse({ channels: [{ match, auth: 'public' }] }).success).toBe(false),
  );
});

it('a refusal names every channel, and asks for credentials where those may help', () => {
  const both = new ChannelsRefused({ 'a.b': 'forbidden', 'c.d': 'unauthorized', 'e.f': 'unauthorized' });
  expect([both.code, both.detail]).toEqual(['unauthorized', 'Not without credentials: c.d and 1 more.']);
  const one = new ChannelsRefused({ 'a.b': 'forbidden' });
  expect([one.code, one.detail]).toEqual(['forbidden', 'Not yours to read: a.b.']);
});
