import { errorCodes } from './codes.ts';
import type { FieldError, SluiceError } from './error.ts';

export const problemContentType = 'application/problem+json';

/** RFC 9457 problem document with Sluice's extension members `code`, `request_id` and `errors`. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly request_id: string;
  readonly errors?: readonly FieldError[];
}

/** RFC 9457 section 4.2.1: `about:blank` types carry no more than the status; ours name the row of the error table. */
export function toProblem(error: SluiceError, requestId: string): Problem {
  return {
    type: `urn:sluice:error:${error.code}`,
    title: errorCodes[error.code].title,
    status: error.status,
    code: error.code,
    detail: error.detail,
    request_id: requestId,
    ...(error.errors && error.errors.length > 0 ? { errors: error.errors } : {}),
  };
}

/** Header fields that go with the problem document, as a flat list of names and values. */
export function problemHeaders(error: SluiceError): string[] {
  const headers = ['content-type', problemContentType, 'cache-control', 'no-store'];
  if (error.retryAfter !== undefined) headers.push('retry-after', String(Math.ceil(error.retryAfter)));
  for (const [name, value] of Object.entries(error.headers ?? {})) headers.push(name, value);
  return headers;
}
