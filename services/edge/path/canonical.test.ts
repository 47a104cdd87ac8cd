import { SluiceError } from '@sluice/errors';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalTarget } from './canonical.ts';

const codeOf = (target: string, host = 'gate.example'): string => {
  try {
    canonicalTarget(target, host);
    return 'accepted';
  } catch (error) {
    expect(error).toBeInstanceOf(SluiceError);
    return (error as SluiceError).code;
  }
};

describe('accepted targets and their one form', () => {
  it.each([
    ['/', '/', []],
    ['/v1/orders', '/v1/orders', ['v1', 'orders']],
    ['/v1/a.b..c/...', '/v1/a.b..c/...', ['v1', 'a.b..c', '...']],
    ["/~a/b-c_d!$&'()*+,;=:@", "/~a/b-c_d!$&'()*+,;=:@", ['~a', "b-c_d!$&'()*+,;=:@"]],
    ['/%7euser', '/~user', ['~user']],
    ['/%41%62c', '/Abc', ['Abc']],
    ['/a%20b', '/a%20b', ['a b']],
    ['/caf%c3%a9', '/caf%C3%A9', ['café']],
    ['/100%25', '/100%25', ['100%']],
    ['/%252e%252e/x', '/%252e%252e/x', ['%2e%2e', 'x']],
    ['/a%3fb', '/a%3Fb', ['a?b']],
    ['/a;v=1', '/a;v=1', ['a;v=1']],
    ['/a|b', '/a%7Cb', ['a|b']],
    ['/{x}', '/%7Bx%7D', ['{x}']],
    ['/%f0%9f%98%80', '/%F0%9F%98%80', ['😀']],
  ])('%s', (target, path, segments) => {
    expect(canonicalTarget(target, 'h')).toEqual({ path, segments, query: '', slash: false });
  });

  it('a query is left as it is, and only the first question mark starts it', () => {
    expect(canonicalTarget('/a?b=/../c?%zz&d', 'h')).toMatchObject({ path: '/a', query: 'b=/../c?%zz&d' });
  });

  it('a final slash is told apart', () => {
    expect(canonicalTarget('/v1/orders/', 'h')).toMatchObject({ segments: ['v1', 'orders'], slash: true });
    expect(canonicalTarget('/v1/%41/', 'h')).toMatchObject({ path: '/v1/A/', slash: true });
  });

  it.each([
    ['http://gate.example/v1?q', '/v1'],
    ['HTTP://GATE.example:80/v1?q', '/v1'],
    ['https://gate.example:443/v1?q', '/v1'],
    ['http://gate.example?q', '/'],
  ])('the absolute form of its own host: %s', (target, path) => {
    expect(canonicalTarget(target, 'gate.example')).toMatchObject({ path, query: 'q' });
  });
});

describe('refused targets', () => {
  it.each([
    // Dot segments, plain, encoded, half encoded, with a path parameter, at either end.
    '/..',
    '/.',
    '/v1/../admin',
    '/v1/./admin',
    '/v1/..',
    '/../v1',
    '/v1/%2e%2e/admin',
    '/v1/%2E./admin',
    '/v1/.%2e/admin',
    '/v1/%2e/admin',
    '/v1/..;/admin',
    '/v1/..;x=y/admin',
    '/v1/%2e%2e;/admin',
    '/v1/..%3b/admin',
    // Slashes and backslashes inside a segment.
    '/v1/a%2Fb',
    '/v1/a%2fb',
    '/v1/..%2fadmin',
    '/v1/a%5Cb',
    '/v1/a%5cb',
    '/v1/a\\b',
    '/v1/..\\admin',
    // Empty segments.
    '//',
    '//v1',
    '/v1//orders',
    '/v1//',
    // Control characters.
    '/a%00',
    '/%00',
    '/a%0d%0ab',
    '/a%1f',
    '/a%7f',
    '/a%c2%85',
    // Bad escapes and bytes that are not UTF-8: alone, overlong, a surrogate, beyond Unicode, cut short.
    '/%',
    '/a%2',
    '/a%zz',
    '/%u0041',
    '/a%ff',
    '/%c0%ae%c0%ae/x',
    '/%c0%af',
    '/%ed%a0%80',
    '/%f4%90%80%80',
    '/%c3',
    // A fragment never belongs into a request.
    '/a#b',
    '/a?b#c',
  ])('%s', (target) => {
    expect(codeOf(target)).toBe('bad_path');
  });

  it.each([
    'http://other.example/v1',
    'http://gate.example:8080/v1',
    'http://gate.example@other.example/v1',
    'http://user@gate.example/v1',
    'https://gate.example:80/v1',
    'ftp://gate.example/v1',
    'gate.example/v1',
    'v1',
    '*',
    '',
    '?q',
  ])('%s, which is no target for this host', (target) => {
    expect(codeOf(target)).toBe('bad_request');
  });
});

const anyTarget = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc
    .array(
      fc.constantFrom('/', '.', '..', '%2e', '%2F', '%5c', '%00', '%', 'a', 'b;', '?', '%c3%a9', '//', '%25'),
      {
        maxLength: 12,
      },
    )
    .map((parts) => `/${parts.join('')}`),
);

describe('properties', () => {
  it('whatever is accepted holds nothing that could be read as another path', () => {
    fc.assert(
      fc.property(anyTarget, (target) => {
        if (codeOf(target) !== 'accepted') return;
        const { path, segments } = canonicalTarget(target, 'gate.example');
        for (const segment of segments) {
          expect(segment).not.toMatch(/^\.{1,2}(?:;|$)/);
          // oxlint-disable-next-line no-control-regex -- naming them is the point
          expect(segment).not.toMatch(/[/\\\u0000-\u001f\u007f]/);
          expect(segment).not.toBe('');
        }
        // A URL parser of another school comes to the same path.
        expect(new URL(path, 'http://gate.example').pathname).toBe(path);
      }),
      { numRuns: 3_000 },
    );
  });

  it('the canonical path is its own canonical path, with the same segments', () => {
    fc.assert(
      fc.property(anyTarget, (target) => {
        if (codeOf(target) !== 'accepted') return;
        const once = canonicalTarget(target, 'gate.example');
        const twice = canonicalTarget(once.path, 'gate.example');
        expect(twice).toEqual({ ...once, query: '' });
      }),
      { numRuns: 3_000 },
    );
  });

  it('every text without slashes and controls survives as one segment', () => {
    // oxlint-disable-next-line no-control-regex -- naming them is the point
    const special = /[/\\\u0000-\u001f\u007f-\u009f]|^\.{1,2}(?:;|$)/;
    const text = fc
      .string({ unit: 'grapheme', minLength: 1 })
      .filter((sample) => sample.isWellFormed() && !special.test(sample));
    fc.assert(
      fc.property(text, (segment) => {
        expect(canonicalTarget(`/v1/${encodeURIComponent(segment)}`, 'h').segments).toEqual(['v1', segment]);
      }),
      { numRuns: 1_000 },
    );
  });
});
