import { SluiceError, toSluiceError } from '@sluice/errors';
import { isBusError } from '@sluice/nats';

/** What any of the storage below an endpoint throws, as clients see it. */
export function asSluiceError(thrown: unknown): SluiceError {
  if (!isBusError(thrown)) return toSluiceError(thrown);
  switch (thrown.kind) {
    case 'disconnected':
    case 'no_responders':
      return new SluiceError('unavailable', 'The stored configuration cannot be reached at the moment.', {
        cause: thrown,
      });
    case 'timeout':
      return new SluiceError(
        'deadline_exceeded',
        'The store did not answer in time: whether a change was made is not known. Read it again.',
        { cause: thrown },
      );
    case 'too_large':
      return new SluiceError('body_too_large', 'That is larger than the gateway can store.', {
        cause: thrown,
      });
    case 'rejected':
    default:
      return toSluiceError(thrown);
  }
}
