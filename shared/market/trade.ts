import { canonicalPositive, decimalRule } from './decimal.ts';
import { isTradeId, tradeIdRule } from './trade-id.ts';

export type Side = 'buy' | 'sell';

/**
 * One trade as it travels in `market.trade.…` events, live channels and REST answers. `ts` is milliseconds since the
 * epoch, UTC; `price` and `size` are canonical decimals above zero; `side` is the taker's.
 */
export interface Trade {
  readonly id: string;
  readonly ts: number;
  readonly price: string;
  readonly size: string;
  readonly side: Side;
}

/** Last moment a trade may have, 2100-01-01: later ones are seconds, microseconds or nanoseconds taken for milliseconds. */
export const maxTs = 4_102_444_800_000;

/**
 * How far ahead of the present a trade may be when it is handed in, ms: clocks differ. One that is far ahead would be its
 * market's newest until then, and ticker and candles would stand still.
 */
export const maxAheadMs = 60_000;

/** The same in the stream: servers whose clocks differ must not lose what another let in. */
const maxAheadOfStreamMs = 300_000;

/** A payload that is no trade. The message names the member and says what it should be. */
export class TradeFormatError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'TradeFormatError';
  }
}

/**
 * Reads the payload of a trade event; decimals come out canonical. `storedMs` is when the stream took it: every reader
 * comes to the same answer, whenever it reads. Throws {@link TradeFormatError}.
 */
export function parseTrade(payload: Uint8Array, storedMs: number): Trade {
  let value: unknown;
  try {
    value = JSON.parse(textOf(payload));
  } catch {
    throw new TradeFormatError('payload is not JSON');
  }
  if (typeof value !== 'object' || value === null) throw new TradeFormatError('payload is not an object');
  const { id, ts, price, size, side } = value as Record<string, unknown>;
  if (typeof id !== 'string' || !isTradeId(id)) throw new TradeFormatError(`id is not ${tradeIdRule}`);
  if (!isTs(ts)) throw new TradeFormatError('ts is not a time in integer milliseconds between 1970 and 2100');
  if (ts > storedMs + maxAheadOfStreamMs) throw new TradeFormatError('ts lies in the future');
  if (side !== 'buy' && side !== 'sell') throw new TradeFormatError('side is neither "buy" nor "sell"');
  return { id, ts, price: positive(price, 'price'), size: positive(size, 'size'), side };
}

/** The event's payload; members in the order of the documentation. */
export function encodeTrade(trade: Trade): string {
  // Ids, decimals and sides hold nothing that JSON escapes, and a template is several times faster than stringify.
  return `{"id":"${trade.id}","ts":${trade.ts},"price":"${trade.price}","size":"${trade.size}","side":"${trade.side}"}`;
}

/** Whether a value is a time a trade can have. */
export function isTs(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < maxTs;
}

function positive(value: unknown, name: string): string {
  const text = typeof value === 'string' ? canonicalPositive(value) : undefined;
  if (text === undefined)
    throw new TradeFormatError(`${name} is not ${decimalRule}, above zero, as a string`);
  return text;
}

function textOf(payload: Uint8Array): string {
  return Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('utf8');
}
