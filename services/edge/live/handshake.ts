import type { FlatHeaders } from '@sluice/wire';
import type { LiveClient } from '../live-port.ts';
import { carriedHeaders } from './call.ts';

/** What is kept of the request that a connection began with. */
export interface Handshake {
  readonly requestId: string;
  readonly address: string;
  /** Fields that calls over the connection carry on. */
  readonly headers: FlatHeaders;
}

/** Keeps nothing of the request itself alive, since it stays as long as the connection. */
export function handshakeOf(client: LiveClient): Handshake {
  return {
    requestId: client.requestId,
    address: client.address,
    headers: carriedHeaders(client.headers),
  };
}
