import type { Exchange } from '../exchange.ts';
import type { LiveClient } from '../live-port.ts';

export function liveClient(exchange: Exchange): LiveClient {
  return {
    requestId: exchange.requestId,
    address: exchange.client,
    query: exchange.query,
    credentials: exchange,
    headers: exchange.fields.endToEnd,
  };
}
