import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { Pieces } from './pieces.ts';

it('are put together in their order, whatever their sizes', () => {
  const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 40_000 })), {
    maxLength: 40,
  });
  fc.assert(
    fc.property(sizes, (lengths) => {
      const pieces = new Pieces();
      const sent = lengths.map((length, i) => Buffer.alloc(length, String(i)));
      for (const piece of sent) pieces.add(piece);
      expect(Buffer.compare(pieces.bytes(), Buffer.concat(sent))).toBe(0);
      expect(pieces.length).toBe(Buffer.concat(sent).length);
    }),
    { numRuns: 50 },
  );
});

it('of one are given without a copy', () => {
  const piece = Buffer.from('all of it');
  const pieces = new Pieces();
  pieces.add(piece);
  expect(pieces.bytes()).toBe(piece);
});

it('of one byte each do not cost an object each', () => {
  const pieces = new Pieces();
  for (let i = 0; i < 1_000_000; i++) pieces.add(Buffer.from([i & 255]));
  expect(pieces.count).toBeLessThan(100);
  const bytes = pieces.bytes();
  expect([bytes.length, bytes[0], bytes[999_999]]).toEqual([1_000_000, 0, 999_999 & 255]);
});
