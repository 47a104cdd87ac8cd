import { until } from '@sluice/testing';
import type { Scenario, Section } from '../harness/context.ts';
import { startCpuClock } from '../harness/cpu.ts';
import { startDatabase } from '../harness/database.ts';
import { startDriver } from '../harness/driver.ts';
import { startSluice } from '../harness/sluice.ts';
import { median } from '../harness/stats.ts';
import { markdownTable } from '../harness/table.ts';
import type { LatencyDriver, LatencyResult } from '../load/latency.ts';
import type { TradesDriver } from '../load/trades.ts';

const clients = 10;
const perSecond = 1000;
const symbols = Array.from({ length: 10 }, (_, n) => `BENCH${n}USDT`);

/** From the publishing of a trade to a WebSocket client that has read it, with everything running. */
export const tradeLatency: Scenario = {
  name: 'trade-latency',
  async run(context): Promise<Section> {
    const seconds = context.quick ? 3 : 8;
    const rounds = context.quick ? 1 : 3;
    const database = await startDatabase();
    const stack = await startSluice(context, ['router', 'marketdata', 'broadcaster', 'edge'], {
      env: {
        DATABASE_URL: await database.create('latency'),
      },
    });
    const feed = startDriver<TradesDriver>('bench/load/trades.ts');
    const receiver = startDriver<LatencyDriver>('bench/load/latency.ts');
    const results: (LatencyResult & { cores: Record<string, number> })[] = [];
    try {
      const steady = { url: stack.natsUrl, symbols, perSecond };
      await receiver.call('open', {
        count: clients,
        port: Number(new URL(stack.gateway).port),
        path: '/v1/stream',
        protocol: 'sluice',
        channels: symbols.map((symbol) => `trades.${symbol}`),
      });
      await feed.call('steady', { ...steady, seconds: 2 });
      await arrived(2 * perSecond);
      for (let round = 0; round < rounds; round += 1) {
        await receiver.call('reset', undefined);
        const stop = startCpuClock(stack.processes);
        const published = await feed.call('steady', { ...steady, seconds });
        await arrived(published);
        const cores = Object.entries(stop()).map(([name, micros]) => [name, micros / 1e6 / seconds] as const);
        results.push({ ...(await receiver.call('result', undefined)), cores: Object.fromEntries(cores) });
        context.say(`trade-latency: round ${round + 1} of ${rounds}`);
      }
    } finally {
      await receiver.stop();
      await feed.stop();
      await stack.stop();
      await database.stop();
    }
    const of = (key: 'p50' | 'p99' | 'max'): number => median(results.map((result) => result[key]));
    const what = 'trade → stream → broadcaster → LIVE → edge → WebSocket client';
    return {
      title: 'Trade to client',
      method:
        `${perSecond} trades/s over ${symbols.length} symbols, ${clients} WebSocket clients on the trades of all of them, ` +
        `every service running, the market-data worker storing the same trades; ${rounds} rounds of ${seconds} s. Every trade has to arrive.`,
      rows: [
        { what: `${what}, p50`, value: of('p50'), unit: 'ms' },
        {
          what: `${what}, p99`,
          value: of('p99'),
          unit: 'ms',
          targets: [{ kind: 'at most', value: 25, of: 'value' }],
        },
        { what: `${what}, longest`, value: of('max'), unit: 'ms' },
      ],
      details: markdownTable(
        ['process', 'cores used'],
        stack.processes.map(({ name }) => [name, median(results.map((r) => r.cores[name]!)).toFixed(2)]),
      ),
    };

    async function arrived(count: number): Promise<void> {
      await until(async () => (await receiver.call('received', undefined)) >= count, {
        timeoutMs: 10_000,
        message: `${count} trades have arrived`,
      });
    }
  },
};
