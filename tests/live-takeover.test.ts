import { readFileSync } from 'node:fs';
import { connectBus, publishStored, type Bus } from '@sluice/nats';
import { realData, startStack, until, type TestStack } from '@sluice/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ResumingClient } from './live-client.ts';

const file = realData('trades_binance_20240808.csv');
const symbols = ['BTCUSDT', 'ETHUSDT'];

/** Real trades through real processes, two of each kind, while one after the other is killed. */
describe.skipIf(file === undefined)('live channels while processes die', () => {
  let stack: TestStack;
  let bus: Bus;
  const trades =
    file === undefined
      ? []
      : readFileSync(file, 'utf8')
          .trim()
          .split('\n')
          .slice(1, 9_001)
          .map((line) => {
            const [ts = '', symbol = '', id = '', price = '', size = '', side = ''] = line.split(',');
            return { symbol, id, text: JSON.stringify({ id, ts: Number(ts), price, size, side }) };
          });

  beforeAll(async () => {
    stack = await startStack({ services: ['broadcaster', 'broadcaster', 'edge', 'edge'] });
    bus = await connectBus({ servers: [stack.natsUrl], name: 'feed' });
  });

  afterAll(async () => {
    await bus?.close();
    await stack?.stop();
  });

  /** A feed: in order, with as many trades under way as one round trip needs. */
  async function feed(from: number, to: number): Promise<void> {
    for (let at = from; at < to; at += 50) {
      await Promise.all(
        trades.slice(at, Math.min(at + 50, to)).map(({ symbol, id, text }) =>
          publishStored(bus, `market.trade.binance.${symbol}`, text, {
            msgId: `binance:${symbol}:${id}`,
            deadline: Date.now() + 20_000,
          }),
        ),
      );
    }
  }

  it('clients see every trade once and in order', { timeout: 180_000 }, async () => {
    const [first, second] = stack.services.filter(({ name }) => name === 'edge');
    const gateways = [first?.gateway ?? '', second?.gateway ?? ''];
    const channels = symbols.map((symbol) => `trades.${symbol}`);
    const clients = [0, 1, 0, 1, 0].map((start) => new ResumingClient(gateways, channels, start));
    await until(() => clients.every(({ ready }) => ready));

    await feed(0, 2_000);
    // The active broadcaster dies in the middle of trades: the other one goes on from its checkpoint.
    const active = stack.services.find(({ process }) =>
      process.logs.some(({ msg }) => msg === 'broadcasting'),
    );
    expect(active).toBeDefined();
    const killing = feed(2_000, 4_000);
    await until(() => clients.every(({ updates }) => updates.length > 2_100), { timeoutMs: 30_000 });
    await active?.process.kill();
    await killing;
    const count = (client: ResumingClient): number => client.updates.length;
    await until(() => clients.every((client) => count(client) === 4_000), {
      timeoutMs: 60_000,
      message: () => `4000 trades, but ${clients.map(count).join()}`,
    });

    // An edge dies: its clients go on at the other one.
    const pouring = feed(4_000, 6_000);
    await until(() => clients.every((client) => count(client) > 4_100), { timeoutMs: 30_000 });
    await first?.process.kill();
    await pouring;
    await until(() => clients.every((client) => count(client) === 6_000), {
      timeoutMs: 60_000,
      message: () => `6000 trades, but ${clients.map(count).join()}`,
    });
    expect(clients.filter(({ reconnects }) => reconnects > 0)).toHaveLength(3);

    for (const client of clients) {
      for (const symbol of symbols)
        expect(client.of(`trades.${symbol}`).map(({ data }) => data['id'])).toEqual(
          trades.slice(0, 6_000).flatMap((trade) => (trade.symbol === symbol ? [trade.id] : [])),
        );
      expect({ gaps: client.gaps, lost: client.lost }).toEqual({ gaps: 0, lost: 0 });
      client.stop();
    }
  });

  it('an edge that stops in order tells its clients to go elsewhere', { timeout: 120_000 }, async () => {
    const leaving = await stack.start('edge', { SLUICE_LIVE_DRAIN: '200' });
    const staying = stack.services.filter(({ name, process }) => name === 'edge' && process.running)[0];
    const gateways = [leaving.gateway ?? '', staying?.gateway ?? ''];
    const clients = Array.from({ length: 20 }, () => new ResumingClient(gateways, ['trades.BTCUSDT'], 0));
    await until(() => clients.every(({ ready }) => ready));
    const before = trades.filter(({ symbol }, i) => symbol === 'BTCUSDT' && i < 6_000).length;
    const pouring = feed(6_000, 9_000);
    expect(await leaving.process.stop()).toBe(0);
    await pouring;
    const expected = trades.slice(6_000).flatMap(({ symbol, id }) => (symbol === 'BTCUSDT' ? [id] : []));
    for (const client of clients) {
      await until(() => client.updates.length >= expected.length, {
        timeoutMs: 30_000,
        message: () => `${expected.length} trades after the first ${before}, but ${client.updates.length}`,
      });
      expect(client.updates.map(({ data }) => data['id'])).toEqual(expected);
      expect({ gaps: client.gaps, lost: client.lost, reconnects: client.reconnects }).toEqual({
        gaps: 0,
        lost: 0,
        reconnects: 1,
      });
      client.stop();
    }
  });
});
