import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** The four 32-bit words of an IPv6 address, most significant first. */
export type Words = readonly [number, number, number, number];

/**
 * An IP address, parsed once and kept as long as its connection, so that rules cost a comparison of numbers. An IPv4
 * address inside IPv6 (`::ffff:192.0.2.1`) is the IPv4 address: a rule for one holds for the other.
 */
export class Address {
  /** The one way to write it (RFC 5952). */
  readonly text: string;
  /** As an unsigned number; -1 for an IPv6 address. */
  readonly v4: number;
  /** Null for an IPv4 address, and for one that is not known. */
  readonly v6: Words | null;
  /** ISO 3166-1 alpha-2; null where the database has none; undefined until somebody asks. */
  country: string | null | undefined = undefined;
  /** The last verdict and whose it is, so that a keep-alive connection is judged once. */
  judge: object | null = null;
  allowed = false;

  constructor(text: string, v4: number, v6: Words | null) {
    this.text = text;
    this.v4 = v4;
    this.v6 = v6;
  }
}

/** Only forms that every program reads alike: `010.0.0.1`, `1` and `127.1` are no addresses here. */
export function parseAddress(text: string): Address | null {
  const v4 = parseV4(text);
  if (v4 !== -1) return new Address(text, v4, null);
  const v6 = parseV6(text);
  if (v6 === null) return null;
  if (isMapped(v6)) return new Address(formatV4(v6[3]), v6[3], null);
  return new Address(formatV6(v6), -1, v6);
}

/** The address of a connection. One without an address (a closed socket, a Unix socket) is in no list. */
export function addressOf(text: string | undefined): Address {
  return parseAddress(text ?? '') ?? new Address(text ?? '', -1, null);
}

/** Dotted decimal without leading zeros as an unsigned number; -1 for anything else. */
export function parseV4(text: string): number {
  let value = 0;
  let part = -1;
  let dots = 0;
  if (text.length > 15) return -1;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 46) {
      if (part === -1 || ++dots > 3) return -1;
      value = value * 256 + part;
      part = -1;
    } else {
      // A zero may stand alone only: octal to some programs, decimal to others.
      if (code < 48 || code > 57 || part === 0) return -1;
      part = (part === -1 ? 0 : part * 10) + code - 48;
      if (part > 255) return -1;
    }
  }
  return dots === 3 && part !== -1 ? value * 256 + part : -1;
}

function formatV4(value: number): string {
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
}

/** The words of an IPv6 address as text; null for anything else, zones included. */
export function parseV6(text: string): Words | null {
  // The system's own parser decides what an address is; what is left to do is to read the numbers, quickly: a list of
  // 100,000 entries comes through here.
  if (isIP(text) !== 6 || text.includes('%')) return null;
  const gap = text.indexOf('::');
  const parts = gap === -1 ? partsOf(text) : partsOf(text.slice(0, gap));
  if (gap !== -1) {
    const after = partsOf(text.slice(gap + 2));
    while (parts.length + after.length < 8) parts.push(0);
    parts.push(...after);
  }
  const word = (at: number): number => (parts[at] as number) * 65_536 + (parts[at + 1] as number);
  return [word(0), word(2), word(4), word(6)];
}

/** The 16-bit parts of a text between gaps. It may end in an IPv4 address (RFC 4291 section 2.2). */
function partsOf(text: string): number[] {
  const parts: number[] = [];
  if (text === '') return parts;
  for (const part of text.split(':')) {
    if (part.includes('.')) {
      const v4 = parseV4(part);
      parts.push(v4 >>> 16, v4 & 0xffff);
    } else parts.push(Number.parseInt(part, 16));
  }
  return parts;
}

function formatV6(words: Words): string {
  return new ipaddr.IPv6(words.flatMap((word) => [word >>> 16, word & 0xffff])).toRFC5952String();
}

/** `::ffff:0:0/96` (RFC 4291 section 2.5.5.2). */
export function isMapped(words: Words): boolean {
  return words[0] === 0 && words[1] === 0 && words[2] === 0xffff;
}
