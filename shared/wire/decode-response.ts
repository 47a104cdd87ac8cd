import type { WireResponse } from './envelope.ts';
import { WireError } from './error.ts';
import type { FlatHeaders } from './headers.ts';
import { MsgpackReader } from './msgpack-reader.ts';
import { checkVersion, flatHeaders, noBody, noHeaders, once } from './parts.ts';
import { Words } from './words.ts';

const responseKeys = new Words(['v', 'status', 'headers', 'body']);
/** RFC 9110 section 5.6.2, lower case only. */
const fieldName = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
/** RFC 9110 section 5.5 without the control characters that could split a response; bytes above 0x7F are Latin-1. */
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * Decodes and checks a response: status 200–599 (RFC 9110 section 15; 1xx is not for backends), header fields that HTTP
 * can carry. `body` is a Buffer that aliases `payload`. Throws {@link WireError}.
 */
export function decodeResponse(payload: Uint8Array): WireResponse {
  const reader = new MsgpackReader(payload);
  let version: number | undefined;
  let status: number | undefined;
  let headers: FlatHeaders | undefined;
  let body: Uint8Array | undefined;
  for (let left = reader.mapSize(); left > 0; left--) {
    switch (reader.text(responseKeys)) {
      case 'v':
        version = once('v', version, reader.integer());
        break;
      case 'status':
        status = once('status', status, reader.integer());
        break;
      case 'headers':
        headers = once('headers', headers, reader.nil() ? noHeaders : flatHeaders(reader));
        break;
      case 'body':
        body = once('body', body, reader.nil() ? noBody : reader.binary());
        break;
      default:
        reader.skip();
    }
  }
  reader.end();
  checkVersion(version);
  if (status === undefined || status < 200 || status > 599)
    throw new WireError(`response status ${String(status)} is not within 200 to 599`);
  return { status, headers: headers === undefined ? noHeaders : checkFields(headers), body: body ?? noBody };
}

function checkFields(headers: FlatHeaders): FlatHeaders {
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if (!fieldName.test(name)) throw new WireError(`${JSON.stringify(name)} is not a header name`);
    if (!fieldValue.test(headers[i + 1] as string))
      throw new WireError(`header ${name} has a value that HTTP cannot carry`);
  }
  return headers;
}
