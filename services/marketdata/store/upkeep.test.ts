import { createDatabase, until } from '@sluice/testing';
import { Client } from 'pg';
import { expect, it } from 'vitest';
import type { TestTrade } from '../../../tests/marketdata/trades.ts';
import { dayMs, dayStart } from './retention.ts';
import { allTrades, slow, testStore } from './testing/test-store.ts';

const today = dayStart(Date.now());
const trade = (daysAgo: number, id = String(daysAgo)): TestTrade => ({
  symbol: 'KEPT',
  venue: 'made',
  trade: { id, ts: today - daysAgo * dayMs, price: '5', size: '1', side: 'buy' },
});

it('keeps no trade waiting for upkeep that waits for somebody’s open transaction', slow, async () => {
  const url = await createDatabase();
  const keeping = testStore(url);
  await (await keeping.open()).writer.write([trade(0), trade(40)]);
  await keeping.close();

  // As a backup does.
  const backup = new Client({ connectionString: url });
  await backup.connect();
  await backup.query('BEGIN; SELECT count(*) FROM trade');
  const reports: string[] = [];
  const report = ({ detail }: { detail: string }): number => reports.push(detail);
  const dropping = testStore(url, { retentionDays: 9, report });
  const { writer } = await dropping.open();
  const detaching = `SELECT wait_event_type AS waits FROM pg_stat_activity
    WHERE datname = current_database() AND query LIKE 'ALTER TABLE trade DETACH%'`;
  await until(
    async () =>
      (await dropping.database.read({ name: 'test_detaching', text: detaching })).flat().includes('Lock'),
    { message: 'upkeep waiting' },
  );
  // Into a day that is there, and into one whose partition has to be made.
  expect(await writer.write([trade(0, 'new'), trade(5)])).toMatchObject({ stored: 2 });
  expect(dropping.ready).toBe(true);
  expect(reports).not.toContain('database away');
  // Closing does not wait for the backup either.
  await dropping.close();

  await backup.query('ROLLBACK');
  // The server's side of the connection that was cut holds the lock of upkeep until it notices.
  await until(async () => (await backup.query(detaching)).rows.length === 0);
  await backup.end();
  const later = testStore(url, { retentionDays: 9 });
  await later.open();
  const market = (await later.markets.find('KEPT')) as number;
  const ids = async (): Promise<string[]> =>
    ((await allTrades(later, market, 'asc')) as { id: string }[]).map(({ id }) => id);
  await later.upkept();
  expect(await ids()).toEqual(['5', '0', 'new']);
  await later.close();
});
