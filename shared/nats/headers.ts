import type { BusHeaders } from './bus.ts';
import { BusError } from './errors.ts';

/** Names found to be good, because the same few are sent with every message; a bound in case they are not. */
const checkedNames = new Set<string>();
const mostChecked = 256;

function checkName(name: string): void {
  if (!/^[!-9;-~]+$/.test(name)) throw new BusError('rejected', `${JSON.stringify(name)} is no header name`);
  if (checkedNames.size < mostChecked) checkedNames.add(name);
}

/**
 * The header block of a message (ADR-4), empty line included. Throws BusError `rejected` for a line break, or a name that
 * would be read as something else.
 */
export function headerBlock(headers: BusHeaders): string {
  let block = 'NATS/1.0\r\n';
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    const value = headers[i + 1] as string;
    if (!checkedNames.has(name)) checkName(name);
    if (value.includes('\n') || value.includes('\r'))
      throw new BusError('rejected', `header ${name} contains a line break`);
    block += `${name}: ${value}\r\n`;
  }
  return `${block}\r\n`;
}

/** First value of a field in a header block, trimmed; undefined when it is absent. Names are case-sensitive. */
export function findHeader(block: string, name: string): string | undefined {
  // Every field follows a line break, so no field has to be parsed to find one.
  const found = block.indexOf(`\r\n${name}:`);
  if (found < 0) return undefined;
  const start = found + name.length + 3;
  return block.slice(start, block.indexOf('\r\n', start)).trim();
}

/** Every field of a header block as a flat list, repeated ones kept apart. */
export function listHeaders(block: string): string[] {
  const list: string[] = [];
  const lines = block.split('\r\n');
  for (let i = 1; i < lines.length; i += 1) {
    const line = lines[i] as string;
    const colon = line.indexOf(':');
    if (colon > 0) list.push(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return list;
}

/** Code and words of the first line, `NATS/1.0 503 No Responders`; code 0 when it has none. */
export function statusOf(block: string): { code: number; text: string } {
  const line = block.slice('NATS/1.0'.length, block.indexOf('\r\n')).trim();
  const code = Number.parseInt(line, 10);
  return Number.isNaN(code) ? { code: 0, text: '' } : { code, text: line.slice(String(code).length).trim() };
}
