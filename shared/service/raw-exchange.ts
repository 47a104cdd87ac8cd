import { randomUUID } from 'node:crypto';
import type { BusMessage } from '@sluice/nats';
import { natsHeaders, TextMap, type Identity, type WireRequest } from '@sluice/wire';
import type { Exchange } from './exchange.ts';
import { errorHeaders } from './failure.ts';

/** For callers that name no deadline, such as the NATS command line. */
const defaultTimeoutMs = 30_000;

/**
 * The raw encoding: the payload is the body, everything else is in NATS headers and may be missing. So the endpoint can
 * be called by the gateway through a declared route, and by `nats request` with nothing but a JSON payload.
 */
export const rawExchange: Exchange = {
  read(message) {
    const deadline = Number(message.header(natsHeaders.deadline) ?? Number.NaN);
    const fields = prefixedFields(message);
    return {
      method: message.header(natsHeaders.method) ?? '',
      path: message.header(natsHeaders.path) ?? '',
      route: '',
      params: fields.params,
      query: message.header(natsHeaders.query) ?? '',
      headers: fields.headers,
      body: message.data,
      identity: callerOf(message),
      client: '',
      id: message.header(natsHeaders.requestId) ?? randomUUID(),
      deadline: Number.isSafeInteger(deadline) ? deadline : Date.now() + defaultTimeoutMs,
      trace: message.header(natsHeaders.traceparent) ?? '',
    };
  },
  write(message, response, error) {
    const headers: string[] = [];
    if (response.status !== 200) headers.push(natsHeaders.status, String(response.status));
    for (let i = 0; i < response.headers.length; i += 2) {
      const name = response.headers[i] as string;
      const value = response.headers[i + 1] as string;
      if (name === 'content-type') headers.push(natsHeaders.contentType, value);
      else headers.push(natsHeaders.headerPrefix + name, value);
    }
    if (error !== undefined) headers.push(...errorHeaders(error.status, error.detail));
    message.respond(response.body, headers);
  },
};

/** This encoding says who calls and no more. */
function callerOf(message: BusMessage): Identity | null {
  const subject = message.header(natsHeaders.subject);
  if (subject === undefined) return null;
  return { subject: percentDecoded(subject), kind: 'unknown', roles: [], scopes: [], tenant: null };
}

function prefixedFields(message: BusMessage): Pick<WireRequest, 'params' | 'headers'> {
  const params = new TextMap();
  const headers: string[] = [];
  const list = message.headerList();
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i] as string;
    const value = list[i + 1] as string;
    if (name.startsWith(natsHeaders.paramPrefix))
      params[name.slice(natsHeaders.paramPrefix.length)] = percentDecoded(value);
    else if (name.startsWith(natsHeaders.headerPrefix))
      headers.push(name.slice(natsHeaders.headerPrefix.length).toLowerCase(), value);
    else if (name === natsHeaders.contentType) headers.push('content-type', value);
  }
  return { params, headers };
}

/** Parameters travel percent-encoded, because header values are trimmed and hold no line breaks. */
function percentDecoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
