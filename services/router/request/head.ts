import { WireError, wireVersion } from '@sluice/wire';

/** What the router needs of a request envelope that it passes on as it is. */
export interface RequestHead {
  /** Id of the matched route. */
  readonly route: string;
  /** Request id. */
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly deadline: number;
  /** W3C traceparent, empty when there is none. */
  readonly trace: string;
}

const keys = {
  v: Buffer.from('v'),
  route: Buffer.from('route'),
  id: Buffer.from('id'),
  deadline: Buffer.from('deadline'),
  trace: Buffer.from('trace'),
};

/**
 * Reads four fields of a request envelope and steps over the rest, header list and body included: a tenth of the work
 * of decoding it, and most requests are passed on untouched (DESIGN.md, speed rule 3). Fields may come in any order.
 * Throws {@link WireError} for what is no envelope.
 */
export function readHead(payload: Uint8Array): RequestHead {
  const reader = new Reader(payload);
  let fields = reader.mapSize();
  let version: unknown;
  let route = '';
  let id = '';
  let deadline = Number.NaN;
  let trace = '';
  for (; fields > 0; fields--) {
    const length = reader.stringSize();
    if (reader.takeKey(keys.route, length)) route = reader.text();
    else if (reader.takeKey(keys.id, length)) id = reader.text();
    else if (reader.takeKey(keys.deadline, length)) deadline = reader.number();
    else if (reader.takeKey(keys.trace, length)) trace = reader.textOrNil();
    else if (reader.takeKey(keys.v, length)) version = reader.number();
    else {
      reader.advance(length);
      reader.skip();
    }
  }
  if (version !== wireVersion) throw new WireError(`wire version ${String(version)} is not ${wireVersion}`);
  if (route === '' || id === '') throw new WireError('request envelope lacks route or id');
  if (!Number.isFinite(deadline)) throw new WireError('request envelope has no deadline');
  return { route, id, deadline, trace };
}

/** A cursor over msgpack (https://github.com/msgpack/msgpack/blob/master/spec.md). */
class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(payload: Uint8Array) {
    this.#bytes = Buffer.isBuffer(payload)
      ? payload
      : Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  }

  mapSize(): number {
    const tag = this.#byte();
    if ((tag & 0xf0) === 0x80) return tag & 0x0f;
    if (tag === 0xde) return this.#uint(2);
    if (tag === 0xdf) return this.#uint(4);
    throw new WireError('payload is not a map');
  }

  /** Length of the string that starts here; the cursor stands on its first byte afterwards. */
  stringSize(): number {
    const tag = this.#byte();
    let length: number;
    if ((tag & 0xe0) === 0xa0) length = tag & 0x1f;
    else if (tag >= 0xd9 && tag <= 0xdb) length = this.#uint(1 << (tag - 0xd9));
    else throw new WireError('a field of the envelope is not text');
    if (this.#at + length > this.#bytes.length) throw new WireError('envelope ends early');
    return length;
  }

  /** Steps over a key of `length` bytes when it is this one. */
  takeKey(key: Buffer, length: number): boolean {
    if (length !== key.length) return false;
    for (let i = 0; i < length; i++) if (this.#bytes[this.#at + i] !== key[i]) return false;
    this.#at += length;
    return true;
  }

  text(): string {
    const length = this.stringSize();
    return this.#bytes.toString('utf8', this.#at, (this.#at += length));
  }

  textOrNil(): string {
    if (this.#bytes[this.#at] !== 0xc0) return this.text();
    this.#at++;
    return '';
  }

  number(): number {
    const tag = this.#byte();
    if (tag < 0x80) return tag;
    if (tag >= 0xcc && tag <= 0xcf) return this.#uint(1 << (tag - 0xcc));
    const at = this.#at;
    if (tag === 0xd3) {
      // Writers that have only signed 64-bit integers, ours among them, write times this way.
      this.advance(8);
      return Number(this.#bytes.readBigInt64BE(at));
    }
    if (tag === 0xcb) {
      this.advance(8);
      return this.#bytes.readDoubleBE(at);
    }
    if (tag === 0xca) {
      this.advance(4);
      return this.#bytes.readFloatBE(at);
    }
    if (tag >= 0xd0 && tag <= 0xd2) {
      const size = 1 << (tag - 0xd0);
      this.advance(size);
      return this.#bytes.readIntBE(at, size);
    }
    throw new WireError('a field of the envelope is not a number');
  }

  advance(bytes: number): void {
    this.#at += bytes;
    if (this.#at > this.#bytes.length) throw new WireError('envelope ends early');
  }

  /** Steps over one value of any type. Counts what is left instead of recursing: depth is the sender's choice. */
  skip(): void {
    for (let left = 1; left > 0; left--) {
      const tag = this.#byte();
      if (tag < 0x80 || tag >= 0xe0 || tag === 0xc0 || tag === 0xc2 || tag === 0xc3) continue;
      if (tag < 0x90) left += 2 * (tag & 0x0f);
      else if (tag < 0xa0) left += tag & 0x0f;
      else if (tag < 0xc0) this.advance(tag & 0x1f);
      else if (tag === 0xc1) throw new WireError('payload is not msgpack');
      else if (tag <= 0xc6) this.advance(this.#uint(1 << (tag - 0xc4)));
      else if (tag <= 0xc9) this.advance(this.#uint(1 << (tag - 0xc7)) + 1);
      else if (tag <= 0xcb) this.advance(tag === 0xca ? 4 : 8);
      else if (tag <= 0xcf) this.advance(1 << (tag - 0xcc));
      else if (tag <= 0xd3) this.advance(1 << (tag - 0xd0));
      else if (tag <= 0xd8) this.advance((1 << (tag - 0xd4)) + 1);
      else if (tag <= 0xdb) this.advance(this.#uint(1 << (tag - 0xd9)));
      else if (tag <= 0xdd) left += this.#uint(tag === 0xdc ? 2 : 4);
      else left += 2 * this.#uint(tag === 0xde ? 2 : 4);
    }
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new WireError('envelope ends early');
    return byte;
  }

  #uint(size: number): number {
    const at = this.#at;
    this.advance(size);
    return size === 8 ? Number(this.#bytes.readBigUInt64BE(at)) : this.#bytes.readUIntBE(at, size);
  }
}
