import { ConfigError } from '@sluice/config';
import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Block = [Address, number];

/** Tells a client's address from the peer of the connection and the `X-Forwarded-For` field. */
export type ClientAddress = (peer: string, forwardedFor: string | null) => string;

/**
 * Believes `X-Forwarded-For` only from the listed proxies, and only as far as they reach: read from its right end, the
 * first address that is not a proxy is the client. Everything left of it the client may have invented. Throws
 * ConfigError for an entry that is no address and no CIDR block.
 */
export function clientAddress(trusted: string): ClientAddress {
  const blocks = trusted
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
    .map(parseBlock);
  if (blocks.length === 0) return (peer) => peer;
  const isProxy = (text: string): boolean => {
    const address = parseAddress(text);
    return address !== null && blocks.some((block) => contains(block, address));
  };
  return (peer, forwardedFor) => {
    if (forwardedFor === null || !isProxy(peer)) return peer;
    const hops = forwardedFor.split(',');
    let client = peer;
    for (let i = hops.length - 1; i >= 0; i--) {
      const address = parseAddress((hops[i] as string).trim());
      // A hop that is no address was not written by a proxy of ours: the last good one stands.
      if (!address) return client;
      client = address.toString();
      if (!isProxy(client)) return client;
    }
    return client;
  };
}

function parseBlock(entry: string): Block {
  try {
    if (entry.includes('/')) return ipaddr.parseCIDR(entry);
    const address = parseAddress(entry);
    if (address) return [address, address.kind() === 'ipv4' ? 32 : 128];
  } catch {
    // Reported below, like every other entry that is none.
  }
  throw new ConfigError(`edge cannot start: trusted proxy "${entry}" is neither an address nor a CIDR block`);
}

/** Only forms that every program reads alike: `010.0.0.1` and `1` are addresses to ipaddr.js (STACK.md). */
function parseAddress(text: string): Address | null {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text);
  if (!ipaddr.IPv6.isValid(text)) return null;
  const address = ipaddr.IPv6.parse(text);
  return address.isIPv4MappedAddress() ? address.toIPv4Address() : address;
}

function contains([network, bits]: Block, address: Address): boolean {
  if (network.kind() !== address.kind()) return false;
  return address.match(network, bits);
}
