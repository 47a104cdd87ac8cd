import { isIP } from 'node:net';

/** An IPv4 or IPv6 address or CIDR block, in the notation that cannot be read in two ways (no octal, no short forms, no zone). */
export function isAddressOrBlock(text: string): boolean {
  const slash = text.indexOf('/');
  const address = slash < 0 ? text : text.slice(0, slash);
  const family = address.includes('%') ? 0 : isIP(address);
  if (family === 0 || slash < 0) return family !== 0;
  const bits = text.slice(slash + 1);
  return /^(?:0|[1-9]\d{0,2})$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128);
}

/** `country:DE`: ISO 3166-1 alpha-2, upper case. */
export function isCountryRule(text: string): boolean {
  return /^country:[A-Z]{2}$/.test(text);
}
