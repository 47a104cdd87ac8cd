import type { BusHeaders } from './bus.ts';
import { BusError } from './errors.ts';
import { headerBlock } from './headers.ts';

/** Everything in front of the payload, as text, and the payload. */
interface Frame {
  readonly head: string;
  readonly payload: Uint8Array | string;
}

/**
 * The publishes of one event-loop turn, encoded into one buffer when the turn ends. Measured against handing them to the
 * client one by one: a fifth less CPU per request, because the client makes five small arrays of every message and
 * copies them together afterwards.
 */
export class Outbox {
  #frames: Frame[] = [];
  #bytes = 0;

  /** Bytes that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Throws BusError `too_large` above `maxPayload`, `rejected` for a subject or header that would break the protocol. */
  add(
    maxPayload: number,
    subject: string,
    payload: Uint8Array | string,
    headers: BusHeaders | undefined,
    reply: string | undefined,
  ): void {
    checkSubject(subject);
    let target = subject;
    if (reply !== undefined) {
      checkSubject(reply);
      target = `${subject} ${reply}`;
    }
    const payloadSize = typeof payload === 'string' ? Buffer.byteLength(payload) : payload.byteLength;
    let size = payloadSize;
    let head: string;
    if (headers === undefined || headers.length === 0) {
      head = `PUB ${target} ${size}\r\n`;
    } else {
      const block = headerBlock(headers);
      const blockSize = Buffer.byteLength(block);
      size += blockSize;
      head = `HPUB ${target} ${blockSize} ${size}\r\n${block}`;
    }
    if (size > maxPayload)
      throw new BusError('too_large', `message of ${size} bytes exceeds the ${maxPayload} that NATS takes`);
    this.#frames.push({ head, payload });
    this.#bytes += Buffer.byteLength(head) + payloadSize + 2;
  }

  /** The waiting frames as one buffer, null when there are none. */
  take(): Buffer | null {
    const frames = this.#frames;
    if (frames.length === 0) return null;
    const buffer = Buffer.allocUnsafe(this.#bytes);
    this.clear();
    let at = 0;
    for (const { head, payload } of frames) {
      at += buffer.write(head, at);
      if (typeof payload === 'string') {
        at += buffer.write(payload, at);
      } else {
        buffer.set(payload, at);
        at += payload.byteLength;
      }
      buffer[at++] = 0x0d;
      buffer[at++] = 0x0a;
    }
    return buffer;
  }

  clear(): void {
    this.#frames = [];
    this.#bytes = 0;
  }
}

/** A space or line break in a subject would be read as protocol. */
export function checkSubject(subject: string): void {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (subject === '' || /[\u0000-\u0020\u007f]/.test(subject))
    throw new BusError('rejected', `${JSON.stringify(subject)} is no subject`);
}
