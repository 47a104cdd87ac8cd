import { expect, test } from 'vitest';
import { claimedRoles, gatewaySchema, grants } from './mod.ts';

const granted = grants(
  gatewaySchema.parse({
    roles: {
      reader: { scopes: ['orders:read'] },
      clerk: { includes: ['reader'], scopes: ['orders:write'] },
      chief: { includes: ['clerk', 'viewer'] },
      admin: { includes: ['chief'], scopes: ['everything'] },
    },
  }),
);

test('roles bring the roles they include, and those the ones they include', () => {
  expect(granted.rolesOf(['chief'])).toEqual(['chief', 'clerk', 'reader', 'viewer']);
  expect(granted.rolesOf(['reader', 'reader'])).toEqual(['reader']);
  expect(granted.rolesOf([])).toEqual([]);
});

test('roles bring scopes, also through others', () => {
  expect(granted.scopesOf(['clerk'], ['own'])).toEqual(['orders:read', 'orders:write', 'own']);
  expect(granted.scopesOf([], ['own', 'own'])).toEqual(['own']);
});

test('the built-in roles are there, and what a document says of them is added', () => {
  const plain = grants(gatewaySchema.parse({}));
  expect(plain.rolesOf(['admin'])).toEqual(['admin', 'viewer']);
  expect(granted.rolesOf(['admin'])).toEqual(['admin', 'chief', 'clerk', 'reader', 'viewer']);
  expect(granted.scopesOf(['admin'], [])).toEqual(['everything', 'orders:read', 'orders:write']);
});

test('a role that nobody has defined stays, and brings nothing', () => {
  expect(granted.rolesOf(['stranger', 'constructor'])).toEqual(['constructor', 'stranger']);
  expect(granted.scopesOf(['stranger'], [])).toEqual([]);
});

test('circles end', () => {
  const circular = grants(gatewaySchema.parse({ roles: { a: { includes: ['b'] }, b: { includes: ['a'] } } }));
  expect(circular.rolesOf(['a'])).toEqual(['a', 'b']);
});

test('the claims of an issuer bring its own roles, never the built-in ones, unless a map says so', () => {
  expect(claimedRoles({}, ['clerk', 'admin', 'viewer'])).toEqual(['clerk']);
  const map = { role_map: { 'gateway-admins': 'admin', clerks: 'clerk' } };
  expect(claimedRoles(map, ['gateway-admins', 'admin', 'clerk', 'constructor'])).toEqual(['admin']);
});
