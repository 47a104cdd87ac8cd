import { STATUS_CODES } from 'node:http';
import {
  errorCodes,
  problemContentType,
  problemHeaders,
  SluiceError,
  toProblem,
  type Code,
} from '@sluice/errors';
import type { BusMessage } from '@sluice/nats';
import { natsHeaders, type WireResponse } from '@sluice/wire';
import { rawResponse } from './raw-reply.ts';

/** Status to the code that stands for it in the table; of several the first. */
const codeOfStatus = new Map<number, Code>();
for (const [code, { status }] of Object.entries(errorCodes))
  if (!codeOfStatus.has(status)) codeOfStatus.set(status, code as Code);

/**
 * True for a reply with an error header of ADR-32. It asks for both, but a backend that sends one of them has failed all
 * the same. Costs nothing for a reply without headers.
 */
export function isServiceError(reply: BusMessage): boolean {
  return reply.header(natsHeaders.errorCode) !== undefined || reply.header(natsHeaders.error) !== undefined;
}

/**
 * An ADR-32 error reply as a response. Its code becomes the status where it is one of an HTTP error (400–599); without a
 * code it is 500. A payload is the backend's own answer and passed on; without one a problem document is made, with the
 * backend's text for client errors only: the text of server errors tends to hold what clients must not see. Throws
 * SluiceError `bad_backend_response` for every other code.
 */
export function serviceErrorResponse(reply: BusMessage, requestId: string): WireResponse {
  const code = reply.header(natsHeaders.errorCode) ?? '500';
  const text = reply.header(natsHeaders.error) ?? '';
  const status = /^[45]\d\d$/.test(code) ? Number(code) : 0;
  if (status === 0)
    throw new SluiceError('bad_backend_response', 'The backend failed.', {
      cause: new Error(`service error ${code.slice(0, 40)}: ${text}`),
    });
  if (reply.data.length > 0) return { ...rawResponse(reply), status };
  const detail = status < 500 && text !== '' ? text : 'The backend failed.';
  const known = codeOfStatus.get(status);
  if (known !== undefined) {
    const error = new SluiceError(known, detail);
    return {
      status,
      headers: problemHeaders(error),
      body: Buffer.from(JSON.stringify(toProblem(error, requestId))),
    };
  }
  // RFC 9457 section 4.2.1: `about:blank` says no more than the status does.
  const problem = {
    type: 'about:blank',
    title: STATUS_CODES[status] ?? 'Error',
    status,
    code: 'backend_error',
    detail,
    request_id: requestId,
  };
  return {
    status,
    headers: ['content-type', problemContentType, 'cache-control', 'no-store'],
    body: Buffer.from(JSON.stringify(problem)),
  };
}
