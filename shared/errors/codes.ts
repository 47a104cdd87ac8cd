/**
 * Every error a client of the gateway can see, in one table. `docs/errors.md` is generated from it and a test fails
 * when the two differ. `retryable` says whether the same call may succeed later without being changed.
 */
export interface ErrorCode {
  readonly status: number;
  readonly title: string;
  readonly retryable: boolean;
  /** When it happens and what the caller can do; one or two sentences for the reference page. */
  readonly help: string;
}

export const errorCodes = {
  bad_request: {
    status: 400,
    title: 'Malformed request',
    retryable: false,
    help: 'The request is not valid HTTP, or a header of it is missing, repeated or malformed.',
  },
  bad_path: {
    status: 400,
    title: 'Path refused',
    retryable: false,
    help: 'The path contains dot segments, an encoded slash, an empty segment, a control character or a bad escape.',
  },
  invalid_parameters: {
    status: 400,
    title: 'Invalid parameters',
    retryable: false,
    help: 'Path, query, header or body do not match what the endpoint expects; `errors` lists every place.',
  },
  unauthorized: {
    status: 401,
    title: 'Credentials required',
    retryable: false,
    help: 'The route needs credentials: none that it accepts were sent, or those that were are not good (any more). `WWW-Authenticate` says which it takes.',
  },
  forbidden: {
    status: 403,
    title: 'Not allowed',
    retryable: false,
    help: 'The caller is known, but may not do this; or requests from this address are not accepted.',
  },
  not_found: {
    status: 404,
    title: 'Not found',
    retryable: false,
    help: 'No route has this path, or the endpoint knows no such thing.',
  },
  method_not_allowed: {
    status: 405,
    title: 'Method not allowed',
    retryable: false,
    help: 'The path exists, but not with this method; `Allow` lists those it has.',
  },
  request_timeout: {
    status: 408,
    title: 'Request too slow',
    retryable: true,
    help: 'The headers or the body did not arrive in time.',
  },
  conflict: {
    status: 409,
    title: 'Conflict',
    retryable: false,
    help: 'The request does not fit the present state of the thing it addresses.',
  },
  precondition_failed: {
    status: 412,
    title: 'Precondition failed',
    retryable: false,
    help: 'What the request is about has changed since it was read (`If-Match`), or is there already (`If-None-Match: *`). Read it again.',
  },
  body_too_large: {
    status: 413,
    title: 'Body too large',
    retryable: false,
    help: 'The body is larger than the gateway or the route accepts.',
  },
  uri_too_long: {
    status: 414,
    title: 'URI too long',
    retryable: false,
    help: 'Path and query together are longer than the gateway accepts.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'Unsupported media type',
    retryable: false,
    help: 'The endpoint does not read bodies of this content type.',
  },
  unprocessable: {
    status: 422,
    title: 'Cannot be processed',
    retryable: false,
    help: 'The request is well formed, but what it asks for makes no sense to the endpoint.',
  },
  precondition_required: {
    status: 428,
    title: 'Precondition required',
    retryable: false,
    help: 'The request changes something and has to say which state of it: send `If-Match` with the `ETag` that was read.',
  },
  too_many_requests: {
    status: 429,
    title: 'Limit reached',
    retryable: true,
    help: 'A limit on connections, subscriptions or calls is reached; `Retry-After` says when to come back.',
  },
  quota_exceeded: {
    status: 429,
    title: 'Quota used up',
    retryable: true,
    help: 'The consumer has used up its quota of the day or month; `Retry-After` says when the next one begins.',
  },
  headers_too_large: {
    status: 431,
    title: 'Header fields too large',
    retryable: false,
    help: 'The header fields together are larger than 32 KiB.',
  },
  internal: {
    status: 500,
    title: 'Internal error',
    retryable: false,
    help: 'Something unexpected happened; the log holds the cause under the request id.',
  },
  bad_backend_response: {
    status: 502,
    title: 'Bad answer from the backend',
    retryable: false,
    help: 'The backend failed or answered something that is no response.',
  },
  unavailable: {
    status: 503,
    title: 'Service unavailable',
    retryable: true,
    help: 'No instance of the backend is there, or the gateway has lost its bus; `Retry-After` says when to come back.',
  },
  deadline_exceeded: {
    status: 504,
    title: 'Deadline passed',
    retryable: true,
    help: 'The backend did not answer before the deadline of the route.',
  },
} as const satisfies Record<string, ErrorCode>;

export type Code = keyof typeof errorCodes;
