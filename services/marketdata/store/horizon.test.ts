import { createDatabase, until } from '@sluice/testing';
import { Client } from 'pg';
import { expect, it } from 'vitest';
import { oracleCandles } from '../../../tests/marketdata/oracle.ts';
import type { TestTrade } from '../../../tests/marketdata/trades.ts';
import { locks, marketSlots } from './locks.ts';
import { dayMs, dayStart } from './retention.ts';
import { allCandles, allTrades, slow, testStore } from './testing/test-store.ts';

const today = dayStart(Date.now());
const trade = (daysAgo: number, id = String(daysAgo)): TestTrade => ({
  symbol: 'OLD',
  venue: 'made',
  trade: { id, ts: today - daysAgo * dayMs, price: '5', size: '1', side: 'buy' },
});

it('is found out for a database in which an earlier version has dropped days', slow, async () => {
  const url = await createDatabase();
  const earlier = testStore(url, { retentionDays: 9 });
  const { writer } = await earlier.open();
  await earlier.upkept();
  await earlier.database.session(({ client }) => client.query('UPDATE trade_horizon SET ts = 0'));
  earlier.horizon.forget();
  await writer.write([trade(0), trade(3), trade(20), trade(25)]);
  await earlier.database.session(({ client }) =>
    client.query(`DROP TABLE ${[20, 25].map((days) => tableOf(days)).join()}, trade_horizon;
                  DELETE FROM schema_migration WHERE number = 5`),
  );
  await earlier.close();

  const store = testStore(url);
  await store.open();
  expect(await store.horizon.now()).toBe(today - 19 * dayMs);
  await store.close();
});

it('is low for a database that keeps everything', slow, async () => {
  const store = testStore(await createDatabase());
  const { writer } = await store.open();
  expect(await store.horizon.now()).toBe(0);
  expect(await writer.write([trade(9_000)])).toEqual({ stored: 1, duplicates: 0, expired: 0 });
  await store.close();
});

it(
  'is not raised under a batch that is being written, which is dropped with the rest then',
  slow,
  async () => {
    const url = await createDatabase();
    const keeping = testStore(url);
    const { writer } = await keeping.open();
    await keeping.upkept();
    await writer.write([trade(20)]);
    const other = new Client({ connectionString: url });
    await other.connect();
    await other.query('SELECT pg_advisory_lock($1, slot) FROM generate_series(0, $2::int - 1) AS slot', [
      locks.market,
      marketSlots,
    ]);
    const waiters = async (): Promise<string[]> => {
      const { rows } = await other.query<{ mode: string }>(
        "SELECT mode || ' ' || classid AS mode FROM pg_locks WHERE locktype = 'advisory' AND NOT granted",
      );
      return rows.map(({ mode }) => mode).toSorted();
    };
    const writing = writer.write([trade(20, 'late')]);
    const waitingWriter = `ExclusiveLock ${locks.market}`;
    await until(async () => (await waiters()).includes(waitingWriter));
    const dropping = testStore(url, { retentionDays: 9 });
    await dropping.open();
    const waitingUpkeep = `ExclusiveLock ${locks.housekeeping}`;
    await until(async () => (await waiters()).includes(waitingUpkeep));
    await other.query('SELECT pg_advisory_unlock_all()');
    expect(await writing).toEqual({ stored: 1, duplicates: 0, expired: 0 });
    await dropping.upkept();
    // Another upkeep, for a machine so busy that the first one has given up waiting.
    const again = testStore(url, { retentionDays: 9 });
    await again.open();
    await again.upkept();
    const market = (await dropping.markets.find('OLD')) as number;
    expect(await allTrades(dropping, market, 'asc')).toEqual([]);
    expect(await allCandles(dropping, market, '1d', 'asc')).toEqual(
      oracleCandles([trade(20), trade(20, 'late')], '1d'),
    );
    expect(await writer.write([trade(20, 'later')])).toEqual({ stored: 0, duplicates: 0, expired: 1 });
    await other.end();
    await Promise.all([keeping.close(), dropping.close(), again.close()]);
  },
);

function tableOf(daysAgo: number): string {
  return `trade_${new Date(today - daysAgo * dayMs).toISOString().slice(0, 10).replaceAll('-', '')}`;
}
