import { SluiceError } from '@sluice/errors';
import type { FlatHeaders } from '@sluice/wire';
import type { Caller } from '../caller.ts';
import type { GatewayCall } from '../live-port.ts';
import type { CallOp } from './op.ts';

/** Fields of the handshake that mean nothing to a call made over the connection. */
const handshakeOnly =
  /^(?:connection|upgrade|sec-.*|content-.*|transfer-encoding|te|trailer|expect|accept|accept-encoding|cache-control|pragma|last-event-id|x-request-id|traceparent|tracestate|range|if-.*)$/;

/**
 * Credentials were looked at when the connection began, and its calls carry what they proved. A cookie that was not
 * accepted then, for the page it came from, must not be presented by a call either.
 */
const credentials = /^(?:authorization|proxy-authorization|x-api-key|cookie|origin)$/;

/** Fields that a message may not set, because the connection decides them, or a browser does and pages must not. */
const notYours =
  /^(?:host|connection|upgrade|content-length|transfer-encoding|te|trailer|expect|keep-alive|forwarded|x-forwarded-.*|x-real-ip|accept-encoding|cookie|origin|sec-.*|proxy-.*)$/;

/** What calls over the connection carry on of its handshake: languages, who the client says it is. */
export function carriedHeaders(headers: FlatHeaders): string[] {
  const carried: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if (!handshakeOnly.test(name) && !credentials.test(name)) carried.push(name, headers[i + 1] as string);
  }
  return carried;
}

/** Where calls come from. */
export interface CallOrigin {
  readonly address: string;
  readonly headers: FlatHeaders;
}

/** The request that an operation stands for. Throws a `bad_request` for headers or a body that cannot be. */
export function gatewayCallOf(op: CallOp, from: CallOrigin, caller: Caller | null): GatewayCall {
  const own: string[] = [];
  for (const [field, value] of Object.entries(op.headers ?? {})) {
    const name = field.toLowerCase();
    if (notYours.test(name))
      throw new SluiceError('bad_request', `headers.${name}: cannot be set on a call.`);
    own.push(name, value);
  }
  const { body, type } = bodyOf(op);
  const set = new Set(own.filter((_, i) => i % 2 === 0));
  const headers = from.headers.filter((_, i) => !set.has(from.headers[i - (i % 2)] as string)).concat(own);
  if (type !== undefined && !set.has('content-type')) headers.push('content-type', type);
  if (body.length > 0) headers.push('content-length', String(body.length));
  return { method: op.method.toUpperCase(), target: op.path, headers, body, address: from.address, caller };
}

function bodyOf({ body, encoding }: CallOp): { body: Uint8Array; type?: string } {
  if (body === undefined || body === null) return { body: new Uint8Array(0) };
  if (body instanceof Uint8Array) return { body, type: 'application/octet-stream' };
  if (encoding === undefined) return { body: Buffer.from(jsonOf(body)), type: 'application/json' };
  if (typeof body !== 'string')
    throw new SluiceError('bad_request', `body: expected a string of ${encoding}.`);
  return encoding === 'text'
    ? { body: Buffer.from(body), type: 'text/plain; charset=utf-8' }
    : { body: fromBase64(body), type: 'application/octet-stream' };
}

/** RFC 4648 section 4. `Buffer` skips what is none, and the backend would get something else than was sent. */
function fromBase64(text: string): Uint8Array {
  try {
    return Uint8Array.fromBase64(text);
  } catch {
    throw new SluiceError('bad_request', 'body: expected a string of base64.');
  }
}

/** MessagePack can say what JSON cannot, and JSON is read to a greater depth than it is written. */
function jsonOf(body: unknown): string {
  try {
    return JSON.stringify(body);
  } catch (error) {
    const fault =
      error instanceof RangeError
        ? 'is nested too deep'
        : 'holds what JSON cannot say, such as an integer beyond 64 bits';
    throw new SluiceError('bad_request', `body: ${fault}.`);
  }
}
