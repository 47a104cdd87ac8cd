import { isUtf8 } from 'node:buffer';
import { readJson } from './read-json.ts';

/**
 * What was published to a channel, as clients get it. JSON goes on byte for byte. Whatever else a service publishes is
 * still delivered, JSON that is nested too deep included: text as a JSON string, other bytes as base64 (JSON) or as they
 * are (msgpack).
 */
export interface Content {
  /** JSON text of `data`, without line breaks. */
  readonly json: Uint8Array;
  /** The same as a value; bytes for what is no text. */
  readonly value: unknown;
  /** `text` or `base64` where the payload was not JSON; it goes beside `data`. */
  readonly encoding: 'text' | 'base64' | undefined;
}

const nothing: Content = { json: Buffer.from('null'), value: null, encoding: undefined };
const lineFeed = 10;
const carriageReturn = 13;
const space = 32;

/** `payload` must be a copy of its own: it is kept, and changed where JSON has line breaks. */
export function readPayload(payload: Buffer): Content {
  if (payload.length === 0) return nothing;
  if (!isUtf8(payload))
    return { json: Buffer.from(`"${payload.toString('base64')}"`), value: payload, encoding: 'base64' };
  const value = readJson(payload);
  if (value === undefined) {
    const text = payload.toString('utf8');
    return { json: Buffer.from(JSON.stringify(text)), value: text, encoding: 'text' };
  }
  // RFC 8259 section 2: a bare line break in JSON can only be white space between tokens. SSE would end the line there.
  for (let i = 0; i < payload.length; i++)
    if (payload[i] === lineFeed || payload[i] === carriageReturn) payload[i] = space;
  return { json: payload, value, encoding: undefined };
}
