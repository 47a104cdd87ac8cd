/** The update that Sluice's live protocol sends for one event, so that all contenders move the same bytes. */
export function updateText(seq: number, data: Uint8Array): string {
  const text = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('utf8');
  return `{"channel":"trades.BENCHUSDT","seq":${seq},"prev":${seq - 1},"data":${text}}`;
}

/** An unmasked text frame (RFC 6455 section 5.2) of up to 64 KiB. */
export function textFrame(text: string): Buffer {
  const size = Buffer.byteLength(text);
  const header = size < 126 ? 2 : 4;
  const frame = Buffer.allocUnsafe(header + size);
  frame[0] = 0x81;
  if (size < 126) frame[1] = size;
  else {
    frame[1] = 126;
    frame.writeUInt16BE(size, 2);
  }
  frame.write(text, header);
  return frame;
}
