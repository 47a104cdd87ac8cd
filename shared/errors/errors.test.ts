import { describe, expect, test } from 'vitest';
import { errorCodes, problemHeaders, SluiceError, toProblem, toSluiceError, type Code } from './mod.ts';

describe('the table of codes', () => {
  test.each(Object.entries(errorCodes))('%s is complete', (code, row) => {
    expect(code).toMatch(/^[a-z][a-z_]*$/);
    expect(row.status).toBeGreaterThanOrEqual(400);
    expect(row.status).toBeLessThanOrEqual(599);
    expect(row.title.length).toBeGreaterThan(3);
    expect(row.help).toMatch(/\.$/);
  });
});

describe('SluiceError', () => {
  test('takes its status from the table', () => {
    for (const code of Object.keys(errorCodes) as Code[])
      expect(new SluiceError(code, 'x').status).toBe(errorCodes[code].status);
  });

  test('tells clients of 429 and 503 when to come back, and nobody else', () => {
    for (const code of Object.keys(errorCodes) as Code[]) {
      const { status, retryAfter } = new SluiceError(code, 'x');
      expect(retryAfter !== undefined, code).toBe(status === 429 || status === 503);
    }
  });

  test('keeps a SluiceError and hides the message of anything else', () => {
    const known = new SluiceError('conflict', 'there already');
    expect(toSluiceError(known)).toBe(known);
    const cause = new Error('SELECT secret FROM users');
    const converted = toSluiceError(cause);
    expect(converted.code).toBe('internal');
    expect(converted.cause).toBe(cause);
    expect(JSON.stringify(toProblem(converted, 'r1'))).not.toContain('SELECT');
  });
});

describe('problem documents', () => {
  test('carry the members of RFC 9457 and the extensions', () => {
    const error = new SluiceError('invalid_parameters', 'One parameter is wrong.', {
      errors: [{ in: 'query', pointer: '/limit', detail: 'must be a number' }],
    });
    expect(toProblem(error, 'r2')).toEqual({
      type: 'urn:sluice:error:invalid_parameters',
      title: 'Invalid parameters',
      status: 400,
      code: 'invalid_parameters',
      detail: 'One parameter is wrong.',
      request_id: 'r2',
      errors: [{ in: 'query', pointer: '/limit', detail: 'must be a number' }],
    });
  });

  test('round Retry-After up and keep further headers', () => {
    const error = new SluiceError('unavailable', 'away', {
      retryAfter: 1.2,
      headers: { 'x-reason': 'drain' },
    });
    expect(problemHeaders(error)).toEqual([
      'content-type',
      'application/problem+json',
      'cache-control',
      'no-store',
      'retry-after',
      '2',
      'x-reason',
      'drain',
    ]);
  });
});
