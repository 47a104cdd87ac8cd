import { until } from '@sluice/testing';
import type { Scenario, Section } from '../harness/context.ts';
import { cpuMicros, processTree, startCpuClock } from '../harness/cpu.ts';
import { startDatabase } from '../harness/database.ts';
import { startDriver } from '../harness/driver.ts';
import { startSluice } from '../harness/sluice.ts';
import { median, sum } from '../harness/stats.ts';
import { markdownTable } from '../harness/table.ts';
import type { HttpDriver } from '../load/http.ts';
import type { SqlDriver } from '../load/sql.ts';
import type { TradesDriver } from '../load/trades.ts';

const symbol = 'CANDLEUSDT';
const count = 500;
const path = `/v1/markets/${symbol}/candles?interval=1m&limit=${count}`;
/** What anybody would write for the same candles; the answer is read into arrays of text. */
const text = `SELECT ts, open, high, low, close, volume, quote_volume, trades FROM candle_1m
  WHERE market_id = (SELECT id FROM market WHERE symbol = $1) ORDER BY ts DESC LIMIT $2`;

/** Five hundred candles through edge, router and market data, against the query alone. */
export const candles: Scenario = {
  name: 'candles',
  async run(context): Promise<Section> {
    const seconds = context.quick ? 1 : 2;
    const rounds = context.quick ? 2 : 5;
    const database = await startDatabase();
    const databaseUrl = await database.create('candles');
    const stack = await startSluice(context, ['router', 'marketdata', 'edge'], {
      env: { DATABASE_URL: databaseUrl },
    });
    const feed = startDriver<TradesDriver>('bench/load/trades.ts');
    const client = startDriver<HttpDriver>('bench/load/http.ts');
    const sql = startDriver<SqlDriver>('bench/load/sql.ts');
    const overHttp: number[] = [];
    const alone: number[] = [];
    const costs: Record<string, number>[] = [];
    const databaseMicros = (): number => sum(processTree(database.pid).map(cpuMicros));
    try {
      await feed.call('minutes', { url: stack.natsUrl, symbol, minutes: 2 * count });
      await until(async () => (await candlesOf(stack.gateway)) === count, {
        timeoutMs: 20_000,
        message: `${count} candles are there`,
      });
      const load = { port: Number(new URL(stack.gateway).port), requests: [{ path }], connections: 1 };
      for (let round = -1; round < rounds; round += 1) {
        await client.call('connect', load);
        const stop = startCpuClock(stack.processes);
        const before = databaseMicros();
        const { p50, requests, wrong } = await client.call('run', seconds);
        const spent = { ...stop(), database: databaseMicros() - before };
        if (wrong > 0) throw new Error(`${wrong} wrong answers`);
        const query = await sql.call('run', {
          url: databaseUrl,
          text,
          values: [symbol, count],
          rows: count,
          seconds,
        });
        // The first round is for warming up.
        if (round < 0) continue;
        overHttp.push(p50);
        alone.push(query.p50);
        costs.push(
          Object.fromEntries(Object.entries(spent).map(([name, micros]) => [name, micros / requests])),
        );
      }
    } finally {
      await sql.stop();
      await client.stop();
      await feed.stop();
      await stack.stop();
      await database.stop();
    }
    const floor = median(alone);
    return {
      title: 'Candles over HTTP',
      method:
        `${count} one-minute candles, one request after another, ${rounds} interleaved rounds of ${seconds} s each way; p50. ` +
        'The floor is a prepared statement on its own connection, rows read by the same database client.',
      rows: [
        { what: 'the SQL alone', value: floor, unit: 'ms', floor: 1 },
        {
          what: 'GET /v1/markets/{symbol}/candles',
          value: median(overHttp),
          unit: 'ms',
          floor: median(overHttp) / floor,
          targets: [{ kind: 'at most', value: 2, of: 'floor' }],
        },
      ],
      details: markdownTable(
        ['process', 'CPU, µs/request'],
        Object.keys(costs[0]!).map((name) => [name, median(costs.map((cost) => cost[name]!)).toFixed(0)]),
      ),
    };
  },
};

async function candlesOf(gateway: string): Promise<number> {
  const response = await fetch(`${gateway}${path}`);
  if (!response.ok) return 0;
  return ((await response.json()) as { data: unknown[] }).data.length;
}
