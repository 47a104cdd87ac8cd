import { ConfigError } from '@sluice/config';
import { parseAddress, RangeBuilder, type Address, type AddressRanges } from '@sluice/addresses';
import type { HttpConfig } from '../config.ts';
import type { Connection } from './connection.ts';
import { forwardedHops } from './forwarded.ts';
import type { RequestFields } from './request-fields.ts';

type Said = Pick<RequestFields, 'forwardedFor' | 'forwarded' | 'forwardedProto'>;

/**
 * Tells who is behind trusted proxies. Of `X-Forwarded-For` and `Forwarded` only the configured one is looked at: a proxy
 * that writes one passes on what a client has put into the other. It is believed only from the listed proxies, and only
 * as far as they reach: read from its right end, the first address that is not a proxy is the client; everything left
 * of that the client may have invented.
 */
export class ClientAddress {
  readonly #proxies: AddressRanges;
  readonly #field: 'forwardedFor' | 'forwarded';

  /** Throws ConfigError for an entry that is no address and no CIDR block. */
  constructor(config: Pick<HttpConfig, 'trustedProxies' | 'forwardedField'>) {
    this.#proxies = addressList('trusted proxy', config.trustedProxies);
    this.#field = config.forwardedField === 'forwarded' ? 'forwarded' : 'forwardedFor';
  }

  /** Whether a peer may speak for others; asked once per connection. */
  trusts(peer: Address): boolean {
    return this.#proxies.has(peer);
  }

  /** The client of a request. A proxy that repeats itself on a connection is read once. */
  of(connection: Connection, fields: Said): Address {
    const said = connection.trusted ? fields[this.#field] : null;
    if (said === null) return connection.peer;
    if (connection.said !== said) {
      connection.said = said;
      connection.client = this.read(connection.peer, said);
    }
    return connection.client;
  }

  /** Whether the client came over TLS. */
  secure(connection: Connection, fields: Said): boolean {
    if (connection.secure || !connection.trusted) return connection.secure;
    if (this.#field === 'forwardedFor') return lastOf(fields.forwardedProto) === 'https';
    return fields.forwarded !== null && forwardedHops(fields.forwarded).next().value?.proto === 'https';
  }

  /** The client that a field names. A hop that is no address was not written by a proxy of ours: the last good one stands. */
  read(peer: Address, said: string): Address {
    let client = peer;
    for (const text of this.#hops(said)) {
      const address = text === null ? null : parseAddress(text);
      if (!address) return client;
      client = address;
      if (!this.#proxies.has(client)) return client;
    }
    return client;
  }

  /** Addresses as text, the nearest first. */
  *#hops(said: string): Generator<string | null> {
    if (this.#field === 'forwarded') for (const { address } of forwardedHops(said)) yield address;
    else for (const text of said.split(',').reverse()) yield withoutPort(text.trim());
  }
}

/** `192.0.2.7:4711`, `[2001:db8::7]:4711`: some load balancers write the port too. Anything else stays as it is. */
const addressAndPort = /^(?:(\d{1,3}(?:\.\d{1,3}){3})|\[([0-9A-Fa-f:.]+)\])(?::\d{1,5})?$/;

function withoutPort(text: string): string {
  const match = addressAndPort.exec(text);
  return match?.[1] ?? match?.[2] ?? text;
}

/** A setting with addresses and CIDR blocks, separated by commas. Throws ConfigError that names a bad entry. */
export function addressList(what: string, text: string): AddressRanges {
  const builder = new RangeBuilder();
  for (const entry of text.split(',').map((part) => part.trim()))
    if (entry !== '' && !builder.add(entry))
      throw new ConfigError(`edge cannot start: ${what} "${entry}" is neither an address nor a CIDR block`);
  return builder.build();
}

function lastOf(value: string | null): string | null {
  return value === null
    ? null
    : value
        .slice(value.lastIndexOf(',') + 1)
        .trim()
        .toLowerCase();
}
