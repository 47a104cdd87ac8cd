import { SluiceError } from '@sluice/errors';

/** What node:http adds to the errors of its parser. */
export interface ParserError extends Error {
  readonly code?: string;
  readonly bytesParsed?: number;
  readonly rawPacket?: Buffer;
}

const conflict = 'Content-Length and Transfer-Encoding are repeated, in conflict or malformed.';
const details: Readonly<Record<string, string>> = {
  HPE_INVALID_METHOD: 'The request does not start with a known method.',
  HPE_INVALID_CONTENT_LENGTH: conflict,
  HPE_UNEXPECTED_CONTENT_LENGTH: conflict,
  HPE_INVALID_TRANSFER_ENCODING: conflict,
  HPE_INVALID_CHUNK_SIZE: 'The chunked body is malformed.',
  HPE_INVALID_HEADER_TOKEN: 'A header field has a character that HTTP does not allow.',
  HPE_INVALID_VERSION: 'The request line does not end with HTTP/1.0 or HTTP/1.1.',
  HPE_PAUSED_H2_UPGRADE: 'Only HTTP/1.0 and HTTP/1.1 are spoken here.',
};

/**
 * The answer to what the parser refused, or null where nobody waits for one: the connection was reset, or closed in the
 * middle of a request. `firstPacket`: the fault lies in the first bytes of the connection.
 */
export function clientError(error: ParserError, firstPacket: boolean): SluiceError | null {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return overflow(error, firstPacket);
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return new SluiceError('body_too_large', 'The chunk extensions are larger than the body may be.');
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new SluiceError('request_timeout', 'The header section did not arrive in time.');
    case 'HPE_INVALID_URL':
      return new SluiceError('bad_path', 'The request target has a character that no URL can hold.');
    default:
      if (
        error.code === undefined ||
        !error.code.startsWith('HPE_') ||
        error.code === 'HPE_INVALID_EOF_STATE'
      )
        return null;
      return new SluiceError('bad_request', details[error.code] ?? 'The request is not valid HTTP.');
  }
}

/** The parser counts request line and header fields together; a first packet without a line end is all request line. */
function overflow(error: ParserError, firstPacket: boolean): SluiceError {
  const parsed = error.rawPacket?.subarray(0, error.bytesParsed ?? 0);
  return firstPacket && parsed && !parsed.includes(0x0a)
    ? new SluiceError('uri_too_long', 'Path and query are longer than the gateway accepts.')
    : new SluiceError('headers_too_large', 'The header fields are larger than the gateway accepts.');
}
