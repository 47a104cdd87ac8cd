import { SluiceError } from '@sluice/errors';
import { networkOf } from '../limits/key-text.ts';
import type { LiveClient } from '../live-port.ts';
import { Access, type AccessContext } from './access.ts';
import { ConnectionCount } from './limits.ts';

/** A client that may come in. */
export interface Entry {
  readonly access: Access;
  /** Undoes all counting; to be called when the connection is gone. */
  readonly release: () => void;
}

export interface Arrival {
  readonly client: LiveClient;
  readonly transport: 'websocket' | 'sse';
  readonly queryToken: string | null;
}

/**
 * Everything that is checked before a connection is taken: how many its address has, who it is, how many its consumer
 * has. At once, without a promise, for anonymous clients and for credentials that were checked before. Throws (or
 * rejects with) SluiceError: `unauthorized`, `too_many_requests`, `unavailable`.
 */
export function entrance(context: AccessContext): (arrival: Arrival) => Entry | Promise<Entry> {
  const addresses = new ConnectionCount();
  return function enter(arrival) {
    // Whoever has an IPv6 address has 2^64 of them.
    const address = networkOf(arrival.client.address);
    if (!addresses.take(address, context.rules().connectionsPerAddress))
      throw new SluiceError('too_many_requests', 'This address has as many live connections as it may.', {
        retryAfter: 10,
      });
    const access = new Access(context);
    let released = false;
    const release = (): void => {
      if (released) return;
      released = true;
      addresses.give(address);
      access.close();
    };
    const refuse = (error: unknown): never => {
      release();
      throw error;
    };
    try {
      const checking = identify(access, arrival);
      return checking ? checking.then(() => ({ access, release }), refuse) : { access, release };
    } catch (error) {
      return refuse(error);
    }
  };
}

function identify(access: Access, { client, transport, queryToken }: Arrival): void | Promise<void> {
  const { authorization, apiKey, cookie, origin, secFetchSite } = client.credentials;
  const socket = transport === 'websocket';
  const explicit = authorization !== null || apiKey !== null || queryToken !== null;
  const credentials = {
    authorization,
    apiKey,
    queryToken,
    // A browser sends cookies with every handshake, whichever page opens the socket, and no rule of CORS keeps the page
    // from reading on. Only `Origin` tells the page, so without one the cookie is nobody's.
    cookie: socket && origin === null ? null : cookie,
    // And with one it is judged as strictly as for a request that changes something.
    method: socket ? 'POST' : 'GET',
    origin,
    secFetchSite,
  };
  try {
    const checking = access.enter(credentials);
    return checking && !explicit ? checking.catch(withoutCookie) : checking;
  } catch (error) {
    if (explicit) throw error;
    return withoutCookie(error);
  }
}

/** Nobody chose to send the cookie: where it is not good, the client is a stranger as all others are. */
function withoutCookie(error: unknown): void {
  if (error instanceof SluiceError && (error.code === 'unauthorized' || error.code === 'forbidden')) return;
  throw error;
}
