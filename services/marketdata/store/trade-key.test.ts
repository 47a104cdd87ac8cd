import { compareTradeIds } from '@sluice/market';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { tradeIdOf, tradeKey } from './trade-key.ts';

const id = fc.oneof(
  fc.bigInt({ min: 0n, max: 10n ** 63n }).map(String),
  fc.stringMatching(/^[A-Za-z0-9_.:-]{1,64}$/),
);

it('a key’s bytes are in the order of the ids, and give the id back', () => {
  fc.assert(
    fc.property(id, id, (a, b) => {
      const bytes = Buffer.compare(Buffer.from(tradeKey(a)), Buffer.from(tradeKey(b)));
      expect(Math.sign(bytes)).toBe(Math.sign(compareTradeIds(a, b)));
      expect(tradeIdOf(tradeKey(a))).toBe(a);
    }),
    { numRuns: 2_000 },
  );
});
