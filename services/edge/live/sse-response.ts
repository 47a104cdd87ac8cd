import type { ServerResponse } from 'node:http';
import { problemHeaders, toProblem, type SluiceError } from '@sluice/errors';

/** Begins the answer to a client whose stream of events can begin (HTML, 9.2.5). */
export function beginEventStream(response: ServerResponse, requestId: string): void {
  // Ends with the connection: no chunk around every write.
  response.useChunkedEncodingByDefault = false;
  response.writeHead(200, [
    'content-type',
    'text/event-stream',
    'cache-control',
    'no-store, no-transform',
    'x-accel-buffering',
    'no',
    'x-request-id',
    requestId,
  ]);
  response.flushHeaders();
}

/** The whole answer to a client whose stream cannot begin. `challenge` gives the value of `www-authenticate`. */
export function answerProblem(
  response: ServerResponse,
  error: SluiceError,
  requestId: string,
  challenge: () => string,
): void {
  const headers = [...problemHeaders(error), 'x-request-id', requestId];
  // RFC 9110 section 11.6.1: a 401 says what it asks for.
  if (error.status === 401) headers.push('www-authenticate', challenge());
  response.writeHead(error.status, headers);
  response.end(JSON.stringify(toProblem(error, requestId)));
}
