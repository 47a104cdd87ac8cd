import { isUtf8 } from 'node:buffer';
import { SluiceError } from '@sluice/errors';
import { isPattern } from '@sluice/live';
import { Unpackr } from 'msgpackr';
import type { GatewayReply } from '../live-port.ts';
import { parseJsonMessage } from './json-message.ts';
import { packFrame } from './live-event.ts';
import type { OpId } from './op.ts';
import type { Encoder } from './outlet.ts';
import { readJson } from './read-json.ts';
import type { Standing } from './subscription.ts';
import { frameOf, opcodes } from './ws-frame.ts';

/** How the messages of one subprotocol are written and read; each written one is a whole WebSocket frame. */
export interface Codec extends Encoder {
  readonly format: 'json' | 'msgpack';
  /** Throws a `bad_request` for what cannot be read. */
  decode(data: Buffer, isBinary: boolean): unknown;
  /** The answer to a subscribe, or with `event: 'resync'` what the edge tells by itself. */
  standings(head: Readonly<Record<string, unknown>>, standings: readonly Standing[]): Buffer;
  /** Any other message. */
  plain(message: Readonly<Record<string, unknown>>): Buffer;
  reply(id: OpId, reply: GatewayReply): Buffer;
}

export const jsonCodec: Codec = {
  format: 'json',
  decode: (data, isBinary) => {
    if (isBinary) throw new SluiceError('bad_request', 'This connection speaks JSON in text frames.');
    try {
      return parseJsonMessage(data.toString('utf8'));
    } catch {
      throw new SluiceError('bad_request', 'The message is not JSON.');
    }
  },
  batch: (batch) => batch.json,
  event: (event) => event.jsonFrame,
  standings: (head, standings) => text(joinMembers(head, `"channels":${standingsJson(standings)}`)),
  plain: (message) => text(JSON.stringify(message)),
  reply: (id, { status, headers, body }) => {
    const head = { id, status, headers: headerFields(headers) };
    const bytes = Buffer.from(body.buffer, body.byteOffset, body.length);
    if (bytes.length === 0) return text(JSON.stringify(head));
    if (!isUtf8(bytes))
      return text(JSON.stringify({ ...head, body: bytes.toString('base64'), encoding: 'base64' }));
    const content = bytes.toString('utf8');
    return isJson(headers) && readJson(bytes) !== undefined
      ? text(joinMembers(head, `"body":${content}`))
      : text(JSON.stringify({ ...head, body: content, encoding: 'text' }));
  },
};

const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: 'number' });

export const msgpackCodec: Codec = {
  format: 'msgpack',
  decode: (data, isBinary) => {
    if (!isBinary) throw new SluiceError('bad_request', 'This connection speaks msgpack in binary frames.');
    try {
      return unpackr.unpack(data);
    } catch {
      throw new SluiceError('bad_request', 'The message is not msgpack.');
    }
  },
  batch: (batch) => batch.msgpack,
  event: (event) => event.msgpackFrame,
  standings: (head, standings) =>
    packFrame({
      ...head,
      channels: Object.fromEntries(standings.map((one) => [one.name, standingValue(one)])),
    }),
  plain: packFrame,
  reply: (id, { status, headers, body }) => {
    const head = { id, status, headers: headerFields(headers) };
    if (body.length === 0) return packFrame(head);
    const bytes = Buffer.from(body);
    const value = isJson(headers) && isUtf8(bytes) ? readJson(bytes) : undefined;
    return packFrame({ ...head, body: value === undefined ? bytes : value });
  },
};

/** `{"<name>":{"epoch":…,"seq":…,…},…}`, with the data of events byte for byte as it was published. */
export function standingsJson(standings: readonly Standing[]): string {
  return `{${standings.map((standing) => `"${standing.name}":${standingJson(standing)}`).join(',')}}`;
}

function standingJson(standing: Standing): string {
  const { snapshot } = standing;
  const facts = JSON.stringify(factsOf(standing));
  if (isPattern(standing.name)) {
    const newest = snapshot.map(
      ({ channel, seq, dataMembers }) => `"${channel}":{"seq":${seq},${dataMembers}}`,
    );
    return snapshot.length === 0 ? facts : `${facts.slice(0, -1)},"snapshot":{${newest.join(',')}}}`;
  }
  const [newest] = snapshot;
  return newest ? `${facts.slice(0, -1)},${newest.dataMembers}}` : facts;
}

function standingValue(standing: Standing): Record<string, unknown> {
  const { snapshot } = standing;
  const facts = factsOf(standing);
  if (!isPattern(standing.name)) return { ...facts, ...snapshot[0]?.dataFields };
  if (snapshot.length === 0) return facts;
  const newest = snapshot.map(({ channel, seq, dataFields }) => [channel, { seq, ...dataFields }]);
  return { ...facts, snapshot: Object.fromEntries(newest) };
}

function factsOf({ epoch, seq, recovered }: Standing): Record<string, unknown> {
  return { epoch, seq, ...(recovered === undefined ? {} : { recovered }) };
}

function text(message: string): Buffer {
  return frameOf(opcodes.text, message);
}

/** Adds ready-made JSON to the end of an object that has members. */
function joinMembers(head: Readonly<Record<string, unknown>>, member: string): string {
  return `${JSON.stringify(head).slice(0, -1)},${member}}`;
}

/** Repeated fields become lists. */
function headerFields(headers: readonly string[]): Record<string, string | string[]> {
  const fields: Record<string, string | string[]> = {};
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    const value = headers[i + 1] as string;
    const present = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (present === undefined) fields[name] = value;
    else fields[name] = Array.isArray(present) ? [...present, value] : [present, value];
  }
  return fields;
}

/** RFC 6838: `application/json` and every `+json`. */
function isJson(headers: readonly string[]): boolean {
  const at = headers.indexOf('content-type');
  return at >= 0 && /^application\/(?:[\w.+-]+\+)?json\b/i.test(headers[at + 1] as string);
}
