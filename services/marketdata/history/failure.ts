import { SluiceError, toSluiceError } from '@sluice/errors';
import { isBusError } from '@sluice/nats';
import { isStoreError } from '../store/mod.ts';

/**
 * Seconds until a client should ask again while the database is away or busy: about what a restart takes, and long enough
 * for queries to end.
 */
const databaseRetryAfter = 2;

/** What went wrong in the store or on the bus, as clients see it. */
export function asSluiceError(thrown: unknown): SluiceError {
  if (isStoreError(thrown, 'unavailable') || isStoreError(thrown, 'exhausted'))
    return new SluiceError('unavailable', 'Stored market data cannot be reached at the moment.', {
      retryAfter: databaseRetryAfter,
      cause: thrown,
    });
  if (isStoreError(thrown, 'busy'))
    return new SluiceError('unavailable', 'Too much market data is being read at the moment.', {
      retryAfter: databaseRetryAfter,
      cause: thrown,
    });
  if (isStoreError(thrown, 'timeout'))
    return new SluiceError('deadline_exceeded', 'Reading the market data took too long.', { cause: thrown });
  if (isBusError(thrown))
    return new SluiceError(
      'unavailable',
      'Trades cannot be taken at the moment; sending them again is safe.',
      {
        cause: thrown,
      },
    );
  return toSluiceError(thrown);
}

/** 400 for one query parameter. */
export function badParameter(name: string, detail: string): SluiceError {
  return new SluiceError('invalid_parameters', 'The request is not what the endpoint expects.', {
    errors: [{ in: 'query', pointer: `/${name}`, detail }],
  });
}

/** 404 for a symbol that nothing was ever stored under. */
export function unknownMarket(symbol: string): SluiceError {
  return new SluiceError('not_found', `There is no market ${symbol}.`, {
    errors: [{ in: 'path', pointer: '/symbol', detail: 'is not a market that has trades' }],
  });
}
