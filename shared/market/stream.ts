import type { StreamSpec } from '@sluice/nats';

/** Name of the stream that keeps market events until they are stored. */
export const marketStreamName = 'MARKET';

/** Every trade of every venue. */
export const tradeFilter = 'market.trade.>';

/** Bytes the stream may take by default, 4 GiB: some thirty million trades. */
export const defaultMarketMaxBytes = 4 * 1024 ** 3;

/**
 * The stream of market events, the same for everybody who makes sure that it exists. It holds two days, which is how
 * long the database may be away, and tells repeated message ids for two minutes.
 */
export function marketStream(replicas: number, maxBytes: number = defaultMarketMaxBytes): StreamSpec {
  return {
    name: marketStreamName,
    subjects: ['market.>'],
    storage: 'file',
    replicas,
    maxAgeMs: 48 * 3_600_000,
    maxBytes,
    duplicateWindowMs: 120_000,
  };
}
