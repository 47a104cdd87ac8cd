import { Packr } from 'msgpackr';
import { readPayload, type Content } from './payload.ts';
import { frameOf, headerLength, opcodes, writeHeader } from './ws-frame.ts';

/**
 * Plain maps, as everywhere on the wire: readable from every language. What is packed came out of JSON, so a `toJSON` in
 * it is a member that some service has given this name, and no function to call.
 */
const packr = new Packr({ useRecords: false, variableMapSize: true, useToJSON: false });

export function packFrame(value: unknown): Buffer {
  return frameOf(opcodes.binary, packr.pack(value));
}

/**
 * An event of a channel: framed when it is first needed in a format, and then the same bytes for every socket
 * (DESIGN.md, speed rule 5).
 */
export class LiveEvent {
  readonly channel: string;
  /** Position in the stream of all channels: grows, with steps greater than one. */
  readonly seq: number;
  /** Sequence of the event before it on the same channel, 0 for the first; null where that is not known. */
  readonly prev: number | null;
  readonly #payload: Buffer;
  #content: Content | undefined;
  #json: Buffer | undefined;
  #msgpack: Buffer | undefined;
  #jsonLength = 0;

  /** `payload` must be the event's own copy. */
  constructor(channel: string, seq: number, prev: number | null, payload: Buffer) {
    this.channel = channel;
    this.seq = seq;
    this.prev = prev;
    this.#payload = payload;
  }

  /** The same event where its predecessor is known now. */
  after(prev: number | null): LiveEvent {
    return prev === this.prev ? this : new LiveEvent(this.channel, this.seq, prev, this.#payload);
  }

  /** About what it takes to keep it waiting, bytes. */
  get size(): number {
    return this.#payload.length + this.channel.length;
  }

  get content(): Content {
    return (this.#content ??= readPayload(this.#payload));
  }

  /** `"data":…` and, where there is one, its `"encoding"`: members of a JSON object. */
  get dataMembers(): string {
    const { json, encoding } = this.content;
    const data = `"data":${Buffer.from(json.buffer, json.byteOffset, json.length).toString('utf8')}`;
    return encoding === undefined ? data : `${data},"encoding":"${encoding}"`;
  }

  /** The same for msgpack, where bytes need no encoding. */
  get dataFields(): { data: unknown; encoding?: 'text' } {
    const { value, encoding } = this.content;
    return encoding === 'text' ? { data: value, encoding } : { data: value };
  }

  /** A whole WebSocket text frame. */
  get jsonFrame(): Buffer {
    return (this.#json ??= this.#frameJson());
  }

  /** A whole WebSocket binary frame. */
  get msgpackFrame(): Buffer {
    return (this.#msgpack ??= packFrame({
      channel: this.channel,
      seq: this.seq,
      prev: this.prev,
      ...this.dataFields,
    }));
  }

  /** A whole server-sent event with this id. */
  sseEvent(id: string): Buffer {
    const frame = this.jsonFrame;
    const from = frame.length - this.#jsonLength;
    const head = `id: ${id}\ndata: `;
    const event = Buffer.allocUnsafe(head.length + this.#jsonLength + 2);
    event.write(head, 0, 'latin1');
    frame.copy(event, head.length, from);
    event.write('\n\n', event.length - 2, 'latin1');
    return event;
  }

  /** Everything but the data is ASCII, so it is written byte by byte and the data is copied, never decoded again. */
  #frameJson(): Buffer {
    const { json, encoding } = this.content;
    const head = `{"channel":"${this.channel}","seq":${this.seq},"prev":${this.prev},"data":`;
    const tail = encoding === undefined ? '}' : `,"encoding":"${encoding}"}`;
    const length = head.length + json.length + tail.length;
    const at = headerLength(length);
    const frame = Buffer.allocUnsafe(at + length);
    writeHeader(frame, opcodes.text, length);
    frame.write(head, at, 'latin1');
    frame.set(json, at + head.length);
    frame.write(tail, at + head.length + json.length, 'latin1');
    this.#jsonLength = length;
    return frame;
  }
}
