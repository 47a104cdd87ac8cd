import type { Exchange } from '../exchange.ts';
import type { LiveClient } from '../live-port.ts';
import { headerValue } from '@sluice/wire';

export function liveClient(exchange: Exchange): LiveClient {
  return {
    requestId: exchange.requestId,
    address: exchange.client,
    query: exchange.query,
    credentials: {
      authorization: headerValue(exchange.fields.endToEnd, 'authorization') ?? null,
      apiKey: headerValue(exchange.fields.endToEnd, 'x-api-key') ?? null,
      cookie: headerValue(exchange.fields.endToEnd, 'cookie') ?? null,
      queryToken: null,
      method: exchange.method,
      origin: headerValue(exchange.fields.endToEnd, 'origin') ?? null,
      secFetchSite: headerValue(exchange.fields.endToEnd, 'sec-fetch-site') ?? null,
    },
    headers: exchange.fields.endToEnd,
  };
}
