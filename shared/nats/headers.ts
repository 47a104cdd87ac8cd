import type { MsgHdrs } from '@nats-io/transport-node';
import type { BusHeaders } from './bus.ts';
import { BusError } from './errors.ts';

/**
 * The client asks a header object only for its bytes, so a flat list encodes itself: building a `MsgHdrs` map per
 * message costs more than the text.
 */
export function encodeHeaders(headers: BusHeaders): { headers: MsgHdrs; size: number } {
  let text = 'NATS/1.0\r\n';
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    const value = headers[i + 1] as string;
    if (unsafe(name) || unsafe(value))
      throw new BusError('rejected', `header ${JSON.stringify(name)} contains a line break`);
    text += `${name}: ${value}\r\n`;
  }
  const bytes = Buffer.from(`${text}\r\n`);
  return { headers: { encode: () => bytes } as unknown as MsgHdrs, size: bytes.length };
}

function unsafe(text: string): boolean {
  return text.includes('\n') || text.includes('\r');
}
