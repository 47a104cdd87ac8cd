import { WireError } from './error.ts';
import type { Words } from './words.ts';

/** Nesting that fields unknown to this version may have; the envelope's own depth is three. */
const deepest = 16;
/** Up to here putting characters together is faster than asking the buffer for a string (measured: 2–3 times). */
const shortText = 10;
const high = 0x80;

/**
 * Reads MessagePack strictly and allocates nothing on a sender's word: a length that the payload cannot hold, the unused
 * byte 0xC1 and extension types are refused before anything is made of them. A general decoder turns extensions
 * into objects and integers above 2^53 into bigint, renames keys such as `__proto__`, and lets 0xC1 pass.
 */
export class MsgpackReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(payload: Uint8Array) {
    this.#bytes = Buffer.isBuffer(payload)
      ? payload
      : Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  }

  /** Number of entries of the map that begins here. */
  mapSize(): number {
    const type = this.#byte();
    if (type >= 0x80 && type <= 0x8f) return type & 0x0f;
    if (type === 0xde) return this.#fits(this.#uint16(), 2);
    if (type === 0xdf) return this.#fits(this.#uint32(), 2);
    throw this.#expected('a map', type);
  }

  arraySize(): number {
    const type = this.#byte();
    if (type >= 0x90 && type <= 0x9f) return this.#fits(type & 0x0f, 1);
    if (type === 0xdc) return this.#fits(this.#uint16(), 1);
    if (type === 0xdd) return this.#fits(this.#uint32(), 1);
    throw this.#expected('an array', type);
  }

  /** `expected` saves making a string for a text that is among them. */
  text(expected?: Words): string {
    const length = this.#textLength();
    const start = this.#advance(length);
    const word = expected?.find(this.#bytes, start, length);
    if (word !== undefined) return word;
    if (length <= shortText) {
      const text = this.#ascii(start, this.#at);
      if (text !== undefined) return text;
    }
    return this.#bytes.toString('utf8', start, this.#at);
  }

  /** A view of the payload, not a copy. */
  binary(): Uint8Array {
    const type = this.#byte();
    let length: number;
    if (type === 0xc4) length = this.#byte();
    else if (type === 0xc5) length = this.#uint16();
    else if (type === 0xc6) length = this.#uint32();
    else throw this.#expected('binary', type);
    const start = this.#advance(length);
    return this.#bytes.subarray(start, this.#at);
  }

  /** An integer that a double holds exactly, in any of the encodings that senders choose, floats included. */
  integer(): number {
    const type = this.#byte();
    const value = this.#number(type);
    if (value === undefined) throw this.#expected('an integer', type);
    if (!Number.isSafeInteger(value)) throw new WireError('a number is no integer, or above 2^53');
    return value;
  }

  /** Steps over nil and says so; otherwise stays. */
  nil(): boolean {
    if (this.#bytes[this.#at] !== 0xc0) return false;
    this.#at++;
    return true;
  }

  /** Steps over one value of any type, checking its form. */
  skip(depth = 0): void {
    if (depth > deepest) throw new WireError('values are nested too deeply');
    const type = this.#bytes[this.#at];
    if (type === undefined) throw truncated();
    // Most values are short texts: what follows is right for them too, and slower.
    if (type >= 0xa0 && type <= 0xbf) this.#advance(1 + (type & 0x1f));
    else if (isText(type)) this.#advance(this.#textLength());
    else if (type === 0xc4 || type === 0xc5 || type === 0xc6) this.binary();
    else if ((type >= 0x90 && type <= 0x9f) || type === 0xdc || type === 0xdd)
      for (let left = this.arraySize(); left > 0; left--) this.skip(depth + 1);
    else if ((type >= 0x80 && type <= 0x8f) || type === 0xde || type === 0xdf)
      for (let left = 2 * this.mapSize(); left > 0; left--) this.skip(depth + 1);
    else {
      this.#at++;
      const constant = type === 0xc0 || type === 0xc2 || type === 0xc3;
      if (!constant && this.#number(type) === undefined) throw this.#expected('a value', type);
    }
  }

  /** Refuses bytes behind the value: two values in one payload would mean something else to every reader. */
  end(): void {
    if (this.#at !== this.#bytes.length)
      throw new WireError(`${this.#bytes.length - this.#at} bytes follow the envelope`);
  }

  #number(type: number): number | undefined {
    if (type <= 0x7f) return type;
    if (type >= 0xe0) return type - 0x100;
    const bytes = this.#bytes;
    switch (type) {
      case 0xca:
        return bytes.readFloatBE(this.#advance(4));
      case 0xcb:
        return bytes.readDoubleBE(this.#advance(8));
      case 0xcc:
        return this.#byte();
      case 0xcd:
        return this.#uint16();
      case 0xce:
        return this.#uint32();
      case 0xcf:
        return Number(bytes.readBigUInt64BE(this.#advance(8)));
      case 0xd0:
        return bytes.readInt8(this.#advance(1));
      case 0xd1:
        return bytes.readInt16BE(this.#advance(2));
      case 0xd2:
        return bytes.readInt32BE(this.#advance(4));
      case 0xd3:
        return Number(bytes.readBigInt64BE(this.#advance(8)));
      default:
        return undefined;
    }
  }

  #textLength(): number {
    const type = this.#byte();
    if (type >= 0xa0 && type <= 0xbf) return type & 0x1f;
    if (type === 0xd9) return this.#byte();
    if (type === 0xda) return this.#uint16();
    if (type === 0xdb) return this.#uint32();
    throw this.#expected('text', type);
  }

  #ascii(start: number, end: number): string | undefined {
    let text = '';
    for (let i = start; i < end; i++) {
      const code = this.#bytes[i] as number;
      if (code >= high) return undefined;
      text += String.fromCharCode(code);
    }
    return text;
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw truncated();
    return byte;
  }

  #uint16(): number {
    return this.#bytes.readUInt16BE(this.#advance(2));
  }

  #uint32(): number {
    return this.#bytes.readUInt32BE(this.#advance(4));
  }

  /** Moves on and gives the position before. */
  #advance(length: number): number {
    const start = this.#at;
    if (start + length > this.#bytes.length) throw truncated();
    this.#at = start + length;
    return start;
  }

  /** Every entry takes at least a byte: more of them than bytes left is a lie. */
  #fits(entries: number, bytesEach: number): number {
    if (entries * bytesEach > this.#bytes.length - this.#at) throw truncated();
    return entries;
  }

  #expected(what: string, type: number): WireError {
    return new WireError(`expected ${what}, found byte 0x${type.toString(16).padStart(2, '0')}`);
  }
}

function isText(type: number): boolean {
  return (type >= 0xa0 && type <= 0xbf) || type === 0xd9 || type === 0xda || type === 0xdb;
}

function truncated(): WireError {
  return new WireError('the payload ends too early');
}
