import type { IncomingMessage } from 'node:http';
import { SluiceError } from '@sluice/errors';
import type { Connection } from './connection.ts';
import type { Patience, Transfer } from './patience.ts';
import { Pieces } from './pieces.ts';

/**
 * Gathers a body of at most `limit` bytes. A body that came in one piece is given without a copy. Rejects with
 * SluiceError: `body_too_large`; `request_timeout` when the client is slower than patience allows; `bad_request` when
 * the framing breaks or the client goes away. What is left of a refused body stays unread.
 */
export function readBody(
  incoming: IncomingMessage,
  options: { limit: number; patience: Patience; connection: Connection },
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const { limit, patience, connection } = options;
    const pieces = new Pieces();
    const transfer: Transfer = {
      startedAt: performance.now(),
      bytes: 0,
      expire: () => fail(new SluiceError('request_timeout', 'The body did not arrive in time.')),
    };
    const stop = (): void => {
      patience.end(transfer);
      connection.receiving = null;
      incoming.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose);
    };
    const fail = (error: SluiceError): void => {
      stop();
      // Without a listener a late `error` of a stream that is being torn down would end the process.
      incoming.on('error', () => {});
      incoming.pause();
      reject(error);
    };
    const onData = (chunk: Uint8Array): void => {
      transfer.bytes += chunk.length;
      if (transfer.bytes > limit)
        return fail(new SluiceError('body_too_large', `The body is larger than ${limit} bytes.`));
      pieces.add(chunk);
      return undefined;
    };
    const onEnd = (): void => {
      stop();
      resolve(pieces.bytes());
    };
    const onClose = (): void => fail(new SluiceError('bad_request', 'The body ended early.'));
    incoming.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose);
    connection.receiving = fail;
    patience.begin(transfer);
  });
}
