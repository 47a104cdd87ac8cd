import type { BusHeaders } from './bus.ts';
import { BusError } from './errors.ts';
import { headerBlock } from './headers.ts';

/** Messages of a few hundred bytes each: one allocation for hundreds of them. */
const slabBytes = 256 * 1024;
/** A character takes at most three bytes in UTF-8. */
const widest = 3;

/**
 * The publishes that leave together, encoded into one buffer. Measured against handing them to the client one by
 * one: a fifth less CPU per request, because the client makes five small arrays of every message and copies them
 * together afterwards. They are written where they leave from, in a slab of which no byte is used twice: keeping them
 * as text until they leave costs twice as much.
 */
export class Outbox {
  #slab = Buffer.alloc(0);
  #start = 0;
  #end = 0;

  /** Bytes that wait. */
  get bytes(): number {
    return this.#end - this.#start;
  }

  /**
   * `target` is the subject, or subject and reply subject with a space between, both checked before. Throws BusError
   * `too_large` above `maxPayload`, `rejected` for a header that would break the protocol.
   */
  add(
    maxPayload: number,
    target: string,
    payload: Uint8Array | string,
    headers: BusHeaders | undefined,
  ): void {
    const payloadSize = typeof payload === 'string' ? Buffer.byteLength(payload) : payload.byteLength;
    const block = headers === undefined || headers.length === 0 ? '' : headerBlock(headers);
    let head = frameHead(target, block, block.length, payloadSize);
    checkSize(block.length + payloadSize, maxPayload);
    this.#reserve(widest * (head.length + 8) + payloadSize);
    let at = this.#end;
    let written = this.#slab.write(head, at);
    if (written !== head.length && block !== '') {
      // Not ASCII, which is rare: only now the bytes are counted.
      const blockSize = Buffer.byteLength(block);
      checkSize(blockSize + payloadSize, maxPayload);
      head = frameHead(target, block, blockSize, payloadSize);
      written = this.#slab.write(head, at);
    }
    at += written;
    if (typeof payload === 'string') this.#slab.write(payload, at);
    else this.#slab.set(payload, at);
    at += payloadSize;
    this.#slab[at] = 0x0d;
    this.#slab[at + 1] = 0x0a;
    this.#end = at + 2;
  }

  /** The waiting frames as one buffer, null when there are none. */
  take(): Buffer | null {
    if (this.#end === this.#start) return null;
    const frames = this.#slab.subarray(this.#start, this.#end);
    this.#start = this.#end;
    return frames;
  }

  clear(): void {
    this.#end = this.#start;
  }

  #reserve(bytes: number): void {
    if (this.#end + bytes <= this.#slab.length) return;
    const slab = Buffer.allocUnsafeSlow(Math.max(slabBytes, 2 * (this.bytes + bytes)));
    this.#slab.copy(slab, 0, this.#start, this.#end);
    this.#end -= this.#start;
    this.#start = 0;
    this.#slab = slab;
  }
}

/** Everything in front of the payload. */
function frameHead(target: string, block: string, blockSize: number, payloadSize: number): string {
  if (block === '') return `PUB ${target} ${payloadSize}\r\n`;
  return `HPUB ${target} ${blockSize} ${blockSize + payloadSize}\r\n${block}`;
}

function checkSize(size: number, maxPayload: number): void {
  if (size > maxPayload)
    throw new BusError('too_large', `message of ${size} bytes exceeds the ${maxPayload} that NATS takes`);
}

/** A space or line break in a subject would be read as protocol. */
export function checkSubject(subject: string): void {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (subject === '' || /[\u0000-\u0020\u007f]/.test(subject))
    throw new BusError('rejected', `${JSON.stringify(subject)} is no subject`);
}
