import { expect, it } from 'vitest';
import { oracleCandles } from '../../../../tests/marketdata/oracle.ts';
import type { TestTrade } from '../../../../tests/marketdata/trades.ts';
import type { Edition } from '../edition.ts';
import { dayMs, dayStart } from '../retention.ts';
import { allCandles, allTrades, slow, testStore } from './test-store.ts';

const today = dayStart(Date.now());
const trade = (daysAgo: number): TestTrade => ({
  symbol: 'OLD',
  venue: 'made',
  trade: { id: String(daysAgo), ts: today - daysAgo * dayMs, price: '5', size: '1', side: 'buy' },
});

/** What stays of trades past their time, on a database of its own. */
export function retentionCases(edition: Edition, database: () => Promise<string>): void {
  it('drops days that are older than trades are kept, and keeps their candles', slow, async () => {
    const separate = await database();
    const reports: { detail: string }[] = [];
    const report = (event: { detail: string }): number => reports.push(event);
    const keeping = testStore(separate, { report });
    const { writer } = await keeping.open();
    await writer.write([trade(0), trade(1), trade(9), trade(10), trade(11), trade(400)]);
    const dropping = testStore(separate, { retentionDays: 9, report });
    await dropping.open();
    await dropping.upkept();
    const market = (await dropping.markets.find('OLD')) as number;
    if (edition === 'community') {
      const jobs = await dropping.database.read({
        name: 'test_jobs',
        text: `SELECT proc_name FROM timescaledb_information.jobs WHERE hypertable_name = 'trade' ORDER BY 1`,
      });
      expect(jobs.flat()).toEqual(['policy_compression', 'policy_retention']);
      await dropping.database.session(({ client }) =>
        client.query(
          `DO $$ DECLARE job int; BEGIN
             FOR job IN SELECT job_id FROM timescaledb_information.jobs WHERE hypertable_name = 'trade'
             LOOP CALL run_job(job); END LOOP; END $$`,
        ),
      );
      const compressed = await dropping.database.read({
        name: 'test_chunks',
        text: `SELECT count(*)::int FROM timescaledb_information.chunks WHERE hypertable_name = 'trade' AND is_compressed`,
      });
      expect(compressed).toEqual([[3]]);
    }
    const left = (await allTrades(dropping, market, 'asc')) as { id: string }[];
    // One day more than asked for, two where the database's own job does it: writers may be behind by a day.
    expect(left.map(({ id }) => id)).toEqual(
      edition === 'community' ? ['11', '10', '9', '1', '0'] : ['10', '9', '1', '0'],
    );
    expect(await allCandles(dropping, market, '1d', 'desc')).toHaveLength(6);
    // Days that were compressed meanwhile take late trades, and know those they have.
    const late = { ...trade(9), trade: { ...trade(9).trade, id: 'late', price: '7' } };
    expect(await writer.write([trade(9), late, trade(10)])).toEqual({ stored: 1, duplicates: 2, expired: 0 });
    const [candle] = oracleCandles([trade(9), late], '1d');
    expect(await allCandles(dropping, market, '1d', 'desc')).toContainEqual(candle);
    // A later start finds everything as it should be.
    const again = testStore(separate, { retentionDays: 9, report });
    await again.open();
    await again.upkept();
    await Promise.all([keeping.close(), dropping.close(), again.close()]);
    expect(reports).toEqual([]);
  });

  it('takes no trade of a day that was ever dropped, however long trades are kept now', slow, async () => {
    const separate = await database();
    const keeping = testStore(separate);
    const { writer } = await keeping.open();
    await writer.write([trade(0), trade(20)]);
    const market = (await keeping.markets.find('OLD')) as number;
    const candles = await allCandles(keeping, market, '1d', 'asc');

    const dropping = testStore(separate, { retentionDays: 9 });
    await dropping.open();
    await dropping.upkept();
    await dropping.close();
    const raised = testStore(separate, { retentionDays: 30 });
    const { writer: later } = await raised.open();
    await raised.upkept();
    // Also a writer that has seen the lower horizon, and one that finds the trade among others.
    expect(await writer.write([trade(20)])).toEqual({ stored: 0, duplicates: 0, expired: 1 });
    expect(await later.write([trade(20)])).toEqual({ stored: 0, duplicates: 0, expired: 1 });
    expect(await later.write([trade(0), trade(10), trade(11)])).toEqual({
      stored: 1,
      duplicates: 1,
      expired: 1,
    });
    expect(await raised.horizon.now()).toBe(today - 10 * dayMs);
    const [tenth] = oracleCandles([trade(10)], '1d');
    expect(await allCandles(raised, market, '1d', 'asc')).toEqual([candles[0], tenth, candles[1]]);
    await Promise.all([keeping.close(), raised.close()]);
  });
}
