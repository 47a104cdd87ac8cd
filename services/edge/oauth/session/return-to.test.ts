import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { safeReturnTo } from './return-to.ts';

const origin = 'https://gateway.example';

test.each([
  ['/', '/'],
  ['/orders', '/orders'],
  ['/orders?page=2&to=https://evil.example#last', '/orders?page=2&to=https://evil.example#last'],
  ['/a/../b', '/b'],
  ['/%0d%0ax', '/%0d%0ax'],
  ['/@evil.example', '/@evil.example'],
])('%s leads to %s', (text, to) => expect(safeReturnTo(text, origin)).toBe(to));

test.each([
  '',
  'orders',
  'https://gateway.example/orders',
  'https://evil.example',
  '//evil.example',
  '///evil.example',
  '/\\evil.example',
  '\\\\evil.example',
  '/\t/evil.example',
  '/\n/evil.example',
  '/\r\nset-cookie: a=b',
  ' //evil.example',
  '/.//evil.example',
  '/a/..//evil.example',
  '/%2e//evil.example',
  'javascript:alert(1)',
  'data:text/html,x',
  '/auth/main/login',
  '/x/../auth/main/login',
  `/${'x'.repeat(2_000)}`,
])('%j leads nowhere', (text) => expect(safeReturnTo(text, origin)).toBeNull());

describe('whatever is given', () => {
  const piece = fc.constantFrom(
    '/',
    '\\',
    '.',
    '..',
    '%2e',
    '%2f',
    'evil.example',
    '@',
    ':',
    '?',
    '#',
    '\t',
    'a',
  );
  it('a browser stays on the origin', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(piece).map((parts) => parts.join('')),
        ),
        (text) => {
          const to = safeReturnTo(`/${text}`, origin);
          if (to === null) return;
          // As a browser resolves a Location field.
          expect(new URL(to, origin).origin).toBe(origin);
          expect(to).toMatch(/^\/(?![/\\])[\x21-\x7e]*$/);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
