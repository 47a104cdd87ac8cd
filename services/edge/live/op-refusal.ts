import type { SluiceError } from '@sluice/errors';
import type { OpId } from './op.ts';
import { ChannelsRefused } from './permissions.ts';

/**
 * The answer to an operation that was refused: `{id, ok: false, error: {code, detail}}`, with `channels` where a
 * subscribe was refused for some of them, and `retry_after` (seconds) where waiting helps.
 */
export function opRefusal(id: OpId, error: SluiceError): Record<string, unknown> {
  const { code, detail, retryAfter } = error;
  return {
    id,
    ok: false,
    error: {
      code,
      detail,
      ...(error instanceof ChannelsRefused ? { channels: error.channels } : {}),
      ...(retryAfter === undefined ? {} : { retry_after: retryAfter }),
    },
  };
}
