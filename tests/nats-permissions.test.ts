import { connect, type NatsConnection } from '@nats-io/transport-node';
import { startNatsServer, type TestNats } from '@sluice/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { natsAccounts, natsPasswordVariables, newNatsPasswords } from '../scripts/local/nats-accounts.ts';

/** What each user of deploy/nats/accounts.conf may do on a real server, and what it is refused. */

const users = [
  'edge',
  'router',
  'ratelimit',
  'marketdata',
  'broadcaster',
  'admin',
  'feed',
  'orders',
] as const;
type User = (typeof users)[number];

/** Subjects with the users that may publish to them; everybody else is refused. */
const publishers: Record<string, readonly User[]> = {
  'sluice.route': ['edge'],
  'sluice.openapi': ['edge'],
  'sluice.limit.lease': ['edge'],
  'sluice.limit.return': ['edge'],
  'sluice.cache.purge': [],
  'sluice.admin.keys': ['router'],
  'orders.get': ['router'],
  'marketdata.candles': ['router', 'broadcaster'],
  'market.trade.binance.BTCUSDT': ['marketdata', 'feed'],
  'market.quote.binance.BTCUSDT': ['feed'],
  'live.in.trades.BTCUSDT': ['broadcaster'],
  'live.in.orders.17': ['orders'],
  'live.out.trades.BTCUSDT': [],
  'audit.key.create': ['admin'],
  '$KV.config.gateway': ['admin', 'router'],
  '$KV.routes.route.x': ['router'],
  '$KV.consumers.key.x': ['admin'],
  '$KV.revocations.jti.x': ['admin'],
  '$KV.sessions.x': ['edge', 'admin'],
  '$KV.key-usage.x': ['edge', 'admin'],
  '$KV.ratelimit.x': ['ratelimit'],
  '$KV.usage.x': ['ratelimit'],
  '$KV.leases.router.compiler': ['router'],
  '$KV.leases.broadcaster.0': ['broadcaster'],
  '$KV.live_state.x': ['broadcaster'],
  '$JS.API.STREAM.DELETE.LIVE': [],
  '$JS.API.STREAM.PURGE.AUDIT': [],
  '$JS.API.STREAM.MSG.DELETE.AUDIT': [],
  '$JS.API.STREAM.MSG.GET.KV_consumers': [],
  '$JS.API.STREAM.LEADER.STEPDOWN.AUDIT': [],
  '$JS.ACK.MARKET.marketdata.1.7.7.1.0': ['marketdata'],
  '$JS.API.STREAM.CREATE.AUDIT': ['admin'],
  '$JS.API.STREAM.UPDATE.KV_consumers': ['admin'],
  '$JS.API.STREAM.CREATE.KV_key-usage': ['edge', 'admin'],
  '$JS.API.STREAM.CREATE.MARKET': ['marketdata'],
  '$JS.API.STREAM.UPDATE.LIVE': ['broadcaster'],
  '$JS.API.STREAM.INFO.KV_routes': ['edge', 'router', 'admin'],
  '$JS.API.DIRECT.GET.KV_consumers.$KV.consumers.key.x': ['edge', 'admin'],
  '$JS.API.CONSUMER.CREATE.AUDIT.spy': ['admin'],
  // Not feeds, which other people write: a consumer delivers to whatever subject its maker names.
  '$JS.API.CONSUMER.CREATE.MARKET.reader': ['marketdata', 'broadcaster'],
  '$JS.API.DIRECT.GET.MARKET': ['marketdata', 'broadcaster', 'feed'],
  '$JS.API.CONSUMER.MSG.NEXT.KV_sessions.spy': ['edge', 'admin'],
  '$SYS.REQ.SERVER.PING': [],
};

/** Subjects with the users that may subscribe to them. */
const subscribers: Record<string, readonly User[]> = {
  '>': [],
  '_INBOX.>': [],
  'sluice.>': [],
  '$KV.>': [],
  'market.>': [],
  'live.in.>': [],
  'audit.>': [],
  'live.out.trades.*': ['edge'],
  'sluice.route': ['router'],
  'sluice.limit.lease': ['ratelimit'],
  'sluice.admin.keys': ['admin'],
  'marketdata.candles': ['marketdata'],
  'orders.get': ['orders'],
  '$SRV.PING': users.filter((user) => user !== 'feed'),
  '$SRV.INFO.orders': ['orders'],
  '$SRV.INFO.admin.>': ['admin'],
  ...Object.fromEntries(users.map((user) => [`_INBOX.${user}.x`, [user]])),
};

let server: TestNats;
const connections = new Map<User, NatsConnection>();
/** What the server refused, as `user operation subject`. */
const refused = new Set<string>();

beforeAll(async () => {
  const passwords = await newNatsPasswords();
  server = await startNatsServer({ config: await natsAccounts(), env: natsPasswordVariables(passwords) });
  for (const user of users) {
    const connection = await connect({ servers: server.url, user, pass: passwords[user] ?? '' });
    connections.set(user, connection);
    void follow(user, connection);
  }
});
afterAll(async () => {
  await Promise.all([...connections.values()].map((connection) => connection.close()));
  await server?.stop();
});

async function follow(user: User, connection: NatsConnection): Promise<void> {
  for await (const status of connection.status())
    if (status.type === 'error' && 'operation' in status.error && 'subject' in status.error)
      refused.add(`${user} ${String(status.error.operation)} ${String(status.error.subject)}`);
}

/** The server answers in order: what it had to say about earlier messages has arrived with the answer to a ping. */
async function settled(connection: NatsConnection): Promise<void> {
  await connection.flush();
  await new Promise((resolve) => setImmediate(resolve));
}

describe.each(users)('%s', (user) => {
  const may = (table: Record<string, readonly User[]>): string[] =>
    Object.keys(table).filter((subject) => table[subject]?.includes(user));

  it('publishes where it has to, and gets a permission error everywhere else', async () => {
    const connection = connections.get(user) as NatsConnection;
    for (const subject of Object.keys(publishers)) connection.publish(subject, 'x');
    await settled(connection);
    expect(Object.keys(publishers).filter((subject) => !refused.has(`${user} publish ${subject}`))).toEqual(
      may(publishers),
    );
  });

  it('listens where it has to, and to nobody else’s questions and answers', async () => {
    const connection = connections.get(user) as NatsConnection;
    // The library tells of a refused subscription through its callback too; the status is what is looked at here.
    const subscriptions = Object.keys(subscribers).map((subject) =>
      connection.subscribe(subject, { callback: () => {} }),
    );
    await settled(connection);
    expect(
      Object.keys(subscribers).filter((subject) => !refused.has(`${user} subscription ${subject}`)),
    ).toEqual(may(subscribers));
    for (const subscription of subscriptions) if (!subscription.isClosed()) subscription.unsubscribe();
  });
});

describe('the server', () => {
  it('lets nobody in without a password', async () => {
    await expect(connect({ servers: server.url, maxReconnectAttempts: 0 })).rejects.toThrow(/authorization/i);
    await expect(
      connect({ servers: server.url, user: 'edge', pass: 'wrong', maxReconnectAttempts: 0 }),
    ).rejects.toThrow(/authorization/i);
  });
});
