import type { Limit } from './document/callers.ts';
import type { GatewayDocument } from './document/gateway.ts';

/**
 * The limit that the paths below `/auth/` spend: whoever asks for them needs no credential, and each login makes the edge
 * encrypt and the provider work. Enough for an office behind one address, and for two calls a login.
 */
export const loginLimit = 'logins';

/** Limits that exist without being written, where there is something for them to bound. */
export const builtinLimits: Readonly<Record<typeof loginLimit, Limit>> = {
  logins: {
    limit: 300,
    window: 60_000,
    key: ['network'],
    on_failure: 'open',
    // Nobody is to be kept from logging in because no leases are granted.
    emergency: 300,
  },
};

/** The limits of a document with the built-in ones; one of the same name takes the built-in one's place. */
export function allLimits({
  limits,
  logins,
}: Pick<GatewayDocument, 'limits' | 'logins'>): Readonly<Record<string, Limit>> {
  return Object.keys(logins).length === 0 ? limits : { ...builtinLimits, ...limits };
}
