import { encodeQuote, formatDecimal, isTs, parseDecimal } from '@sluice/market';

/** Canonical text of a quote event's payload, or undefined when it is no quote. Sizes may be zero: nobody offers. */
export function readQuote(payload: Uint8Array): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString('utf8'));
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { id, ts, ...sides } = value as Record<string, unknown>;
  if (typeof id !== 'string' || !isTs(ts)) return undefined;
  const bid = decimal(sides['bid']);
  const bid_size = decimal(sides['bid_size']);
  const ask = decimal(sides['ask']);
  const ask_size = decimal(sides['ask_size']);
  if (bid === undefined || bid_size === undefined || ask === undefined || ask_size === undefined)
    return undefined;
  return encodeQuote({ id, ts, bid, bid_size, ask, ask_size });
}

function decimal(value: unknown): string | undefined {
  const units = typeof value === 'string' ? parseDecimal(value) : undefined;
  return units === undefined || units < 0n ? undefined : formatDecimal(units);
}
