import { problemContentType, toProblem, type SluiceError } from '@sluice/errors';
import type { BusMessage } from '@sluice/nats';
import { natsHeaders } from '@sluice/wire';

/** ADR-32 error headers. A line break in the text would be refused by the bus: it becomes a space. */
export function errorHeaders(status: number, description: string): string[] {
  return [natsHeaders.error, description.replaceAll(/[\r\n]+/g, ' '), natsHeaders.errorCode, String(status)];
}

/** Answers with the ADR-32 error headers and a problem document as the payload. */
export function respondError(message: BusMessage, error: SluiceError): void {
  const requestId = message.header(natsHeaders.requestId) ?? '';
  message.respond(JSON.stringify(toProblem(error, requestId)), [
    ...errorHeaders(error.status, error.detail),
    natsHeaders.contentType,
    problemContentType,
  ]);
}

/** What STATS shows as the last error: for an unexpected one its cause, since operators read it and clients do not. */
export function errorText(error: SluiceError): string {
  return error.cause instanceof Error ? `${error.detail} ${error.cause.message}` : error.detail;
}
