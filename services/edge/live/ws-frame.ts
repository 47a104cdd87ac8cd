/** RFC 6455 section 5.2 opcodes that a server sends by itself. */
export const opcodes = { text: 1, binary: 2, ping: 9 } as const;

const fin = 0x80;

/** Bytes that the header of an unmasked frame takes for a payload of this length. */
export function headerLength(payload: number): number {
  if (payload < 126) return 2;
  return payload < 65_536 ? 4 : 10;
}

/**
 * Writes the header of an unfragmented server frame (never masked, section 5.1) to the front of `frame`, which has
 * `headerLength(payload)` bytes of room there.
 */
export function writeHeader(frame: Buffer, opcode: number, payload: number): void {
  frame[0] = fin | opcode;
  if (payload < 126) {
    frame[1] = payload;
  } else if (payload < 65_536) {
    frame[1] = 126;
    frame.writeUInt16BE(payload, 2);
  } else {
    frame[1] = 127;
    frame.writeBigUInt64BE(BigInt(payload), 2);
  }
}

/** A whole frame around bytes or text. */
export function frameOf(opcode: number, payload: Uint8Array | string): Buffer {
  const length = typeof payload === 'string' ? Buffer.byteLength(payload) : payload.length;
  const at = headerLength(length);
  const frame = Buffer.allocUnsafe(at + length);
  writeHeader(frame, opcode, length);
  if (typeof payload === 'string') frame.write(payload, at, 'utf8');
  else frame.set(payload, at);
  return frame;
}

/** Empty pings are all alike. */
export const pingFrame: Buffer = frameOf(opcodes.ping, '');
