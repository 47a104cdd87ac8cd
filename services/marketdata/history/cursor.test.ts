import { SluiceError } from '@sluice/errors';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeCursor, encodeCursor } from './cursor.ts';

const query = ['trades', 'BTCUSDT', 0, 4e12, 'desc'];

function refusal(run: () => unknown): SluiceError {
  try {
    run();
  } catch (error) {
    if (error instanceof SluiceError) return error;
    throw error;
  }
  throw new Error('the cursor was taken');
}

it('gives the position back for the same query', () => {
  const cursor = encodeCursor(query, [1723161255342, '103735683259']);
  expect(cursor).toMatch(/^[\w-]+$/);
  expect(decodeCursor(query, cursor)).toEqual(['1723161255342', '103735683259']);
});

it('refuses a cursor of another query', () => {
  const cursor = encodeCursor(query, [1]);
  for (const other of [
    ['candles', ...query.slice(1)],
    [...query.slice(0, 4), 'asc'],
    [...query, true],
  ])
    expect(refusal(() => decodeCursor(other, cursor)).errors).toEqual([
      { in: 'query', pointer: '/cursor', detail: expect.any(String) as string },
    ]);
});

it('refuses a cursor in which anything was changed, added or left out', () => {
  const cursor = encodeCursor(query, [1723161255342, 'xabc']);
  fc.assert(
    fc.property(
      fc.nat({ max: cursor.length - 1 }),
      fc.constantFrom('A', 'Z', 'a', 'z', '0', '9', '-', '_', '=', '+', '/', ' ', '%'),
      (at, character) => {
        const changed = cursor.slice(0, at) + character + cursor.slice(at + 1);
        if (changed !== cursor) expect(refusal(() => decodeCursor(query, changed)).status).toBe(400);
        expect(refusal(() => decodeCursor(query, cursor.slice(0, at))).status).toBe(400);
        expect(refusal(() => decodeCursor(query, cursor + character)).status).toBe(400);
      },
    ),
  );
});
