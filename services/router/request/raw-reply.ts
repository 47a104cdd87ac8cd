import { SluiceError } from '@sluice/errors';
import type { BusMessage } from '@sluice/nats';
import { hopByHop, natsHeaders, type WireResponse } from '@sluice/wire';
import { FieldValueError, natsToHttp } from './field-value.ts';

const token = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
/** RFC 9110 section 7.6.1, and the length: these belong to the connection, which is the edge's. */
const connectionFields = new Set([...hopByHop, 'content-length']);

const names = {
  status: natsHeaders.status.toLowerCase(),
  contentType: natsHeaders.contentType.toLowerCase(),
  headerPrefix: natsHeaders.headerPrefix.toLowerCase(),
};

/**
 * A raw backend's reply as a response (DESIGN.md, "Encoding raw"). Header names are taken in any case. A `Content-Type`
 * counts more than a `Sluice-Header-Content-Type`. In the answer to HEAD (`toHead`) a `Content-Length` stays: it is
 * what GET would give (RFC 9110 section 8.6). Throws SluiceError `bad_backend_response` for an invalid status and for
 * fields that HTTP cannot carry.
 */
export function rawResponse(reply: BusMessage, toHead = false): WireResponse {
  const list = reply.headerList();
  const fields: string[] = [];
  let status = 200;
  let contentType: string | undefined;
  let wrappedType: string | undefined;
  for (let i = 0; i < list.length; i += 2) {
    const name = (list[i] as string).toLowerCase();
    const value = list[i + 1] as string;
    if (name === names.status) status = parseStatus(value);
    else if (name === names.contentType) contentType ??= field(name, value);
    else if (name.startsWith(names.headerPrefix)) {
      const wrapped = name.slice(names.headerPrefix.length);
      if (!token.test(wrapped)) throw nonsense(`field name ${JSON.stringify(wrapped)}`);
      if (wrapped === 'content-type') wrappedType ??= field(wrapped, value);
      else if (!connectionFields.has(wrapped) || (toHead && wrapped === 'content-length'))
        fields.push(wrapped, field(wrapped, value));
    }
  }
  const type = contentType ?? wrappedType ?? (status === 204 || status === 304 ? '' : 'application/json');
  return { status, headers: type === '' ? fields : ['content-type', type, ...fields], body: reply.data };
}

function parseStatus(value: string): number {
  if (!/^[2-5]\d\d$/.test(value)) throw nonsense(`status ${JSON.stringify(value.slice(0, 40))}`);
  return Number(value);
}

function field(name: string, value: string): string {
  try {
    return natsToHttp(name, value);
  } catch (error) {
    if (error instanceof FieldValueError) throw nonsense(error.message);
    throw error;
  }
}

function nonsense(what: string): SluiceError {
  return new SluiceError('bad_backend_response', 'The backend answered something that is no response.', {
    cause: new Error(`the reply has an unusable ${what}`),
  });
}
