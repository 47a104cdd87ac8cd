import { marketStreamName } from '@sluice/market';
import { connectBus, type Bus } from '@sluice/nats';
import { realData, until } from '@sluice/testing';
import type { Scenario, Section } from '../harness/context.ts';
import { cpuMicros, processTree } from '../harness/cpu.ts';
import { startDatabase, withClient } from '../harness/database.ts';
import { startDriver } from '../harness/driver.ts';
import { median, sum } from '../harness/stats.ts';
import { markdownTable } from '../harness/table.ts';
import type { TradesDriver } from '../load/trades.ts';

interface Round {
  readonly perSecond: number;
  /** Microseconds of CPU per trade. */
  readonly worker: number;
  readonly database: number;
  readonly nats: number;
}

const file = realData('trades_binance_20240808.csv');

/** Recorded trades that wait in the stream, through one market-data worker into trades and candles. */
export const ingest: Scenario = {
  name: 'ingest',
  async run(context): Promise<Section> {
    if (file === undefined) return skipped;
    const copies = context.quick ? 2 : 6;
    const rounds = context.quick ? 1 : 3;
    const nats = await context.startNats();
    const database = await startDatabase();
    const feed = startDriver<TradesDriver>('bench/load/trades.ts');
    const results: Round[] = [];
    let total = 0;
    try {
      const bus = await connectBus({ servers: [nats.url], name: 'bench ingest' });
      total = await feed.call('recording', { url: nats.url, file, copies });
      context.say(`ingest: ${total} trades wait in the stream`);
      for (let round = 0; round < rounds; round += 1) {
        results.push(await measure(bus, `round_${round}`));
        context.say(`ingest: round ${round + 1} of ${rounds}`);
      }
      await bus.close();
    } finally {
      await feed.stop();
      await database.stop();
      await nats.stop();
    }
    return section(results, total, copies);

    async function measure(bus: Bus, name: string): Promise<Round> {
      const url = await database.create(name);
      // Every round reads the whole stream again.
      await bus.request(`$JS.API.CONSUMER.DELETE.${marketStreamName}.marketdata`, '', {
        deadline: Date.now() + 5000,
      });
      const worker = await context.processes.start('marketdata', 'services/marketdata/main.ts', {
        NATS_URL: nats.url,
        DATABASE_URL: url,
        SLUICE_OPS_PORT: '0',
      });
      const cpu = (): Omit<Round, 'perSecond'> => ({
        worker: cpuMicros(worker.pid),
        database: sum(processTree(database.pid).map(cpuMicros)),
        nats: cpuMicros(nats.pid),
      });
      const before = cpu();
      const started = performance.now();
      await until(() => drained(bus), { timeoutMs: 120_000, everyMs: 20, message: 'every trade is stored' });
      const seconds = (performance.now() - started) / 1000;
      const after = cpu();
      await worker.stop();
      await checkStored(url, total);
      return {
        perSecond: total / seconds,
        worker: (after.worker - before.worker) / total,
        database: (after.database - before.database) / total,
        nats: (after.nats - before.nats) / total,
      };
    }
  },
};

const title = 'Ingest';
const skipped: Section = { title, method: 'Not measured: the recorded trades are not there.', rows: [] };

/** Whether the worker's consumer has delivered and acknowledged everything. */
async function drained(bus: Bus): Promise<boolean> {
  const answer = await bus.request(`$JS.API.CONSUMER.INFO.${marketStreamName}.marketdata`, '', {
    deadline: Date.now() + 2000,
  });
  const info = answer.json() as { num_pending?: number; num_ack_pending?: number };
  return info.num_pending === 0 && info.num_ack_pending === 0;
}

/** A rate is worth nothing when trades or candles are missing. */
async function checkStored(url: string, total: number): Promise<void> {
  const [row] = await withClient(url, async (client) => {
    const sql = 'SELECT (SELECT count(*) FROM trade)::int, (SELECT sum(trades) FROM candle_1m)::int';
    return (await client.query({ text: sql, rowMode: 'array' })).rows as [number, number][];
  });
  if (row?.[0] !== total || row[1] !== total)
    throw new Error(`${total} trades were published, ${row?.[0]} stored, ${row?.[1]} in candles`);
}

function section(results: readonly Round[], total: number, copies: number): Section {
  const of = (key: keyof Round): number => median(results.map((round) => round[key]));
  return {
    title,
    method:
      `${total} trades (the recording ${copies} times under new symbols) wait in the stream; one worker with its default settings ` +
      `stores them on PostgreSQL, where every commit reaches the disk. ` +
      `Time from the worker’s readiness to the last acknowledgement, median of ${results.length} rounds; trades and candles are counted afterwards.`,
    rows: [
      {
        what: 'Sluice marketdata: JetStream to trades and candles',
        value: of('perSecond'),
        unit: 'trades/s per worker',
        targets: [{ kind: 'at least', value: 20_000, of: 'value' }],
      },
    ],
    details: markdownTable(
      ['process', 'CPU, µs/trade'],
      (['worker', 'database', 'nats'] as const).map((name) => [name, of(name).toFixed(1)]),
    ),
  };
}
