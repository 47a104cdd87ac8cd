/**
 * @typedef {{ ts: number, open: string, high: string, low: string, close: string, volume: string, quote_volume: string, trades: number }} Candle
 * @typedef {{ symbol: string, first_ts: number, last_ts: number }} Market
 */

/** What the gateway answered instead: status and the sentence of its problem document. */
export class ApiError extends Error {
  constructor(/** @type {number} */ status, /** @type {string} */ detail) {
    super(detail);
    this.status = status;
  }
}

/** Every market, in the order of its symbols. */
export async function listMarkets(/** @type {AbortSignal | undefined} */ signal) {
  /** @type {Market[]} */
  const markets = [];
  let cursor = '';
  do {
    const page = await get('/v1/markets', { limit: '1000', cursor }, signal);
    markets.push(...page.data);
    cursor = page.next ?? '';
  } while (cursor !== '');
  return markets;
}

/**
 * A page of candles, newest first; `cursor` is the `next` of the page before it.
 * @returns {Promise<{ data: Candle[], next: string | null }>}
 */
export async function listCandles(
  /** @type {{ symbol: string, interval: string, limit: number, cursor?: string }} */ {
    symbol,
    interval,
    limit,
    cursor = '',
  },
  /** @type {AbortSignal} */ signal,
) {
  const path = `/v1/markets/${encodeURIComponent(symbol)}/candles`;
  return get(path, { interval, limit: String(limit), cursor }, signal);
}

async function get(
  /** @type {string} */ path,
  /** @type {Record<string, string>} */ query,
  /** @type {AbortSignal | undefined} */ signal,
) {
  const parameters = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== ''));
  const timeout = AbortSignal.timeout(15_000);
  const response = await fetch(`${path}?${parameters}`, {
    signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
  });
  const body = await response.json().catch(() => null);
  if (!response.ok) throw new ApiError(response.status, body?.detail ?? `status ${response.status}`);
  if (body === null) throw new ApiError(502, 'the answer is not JSON');
  return body;
}
