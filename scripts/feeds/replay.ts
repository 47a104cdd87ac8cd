import { parseArgs } from 'node:util';
import { pause, runFeed, type FeedContext } from './feed.ts';
import { Publisher } from './publisher.ts';
import { checkTradesFile, readTradesFile } from './trades-file.ts';

/**
 * Publishes the trades of a CSV file as a venue would: `node scripts/feeds/replay.ts FILE [--speed N|max] [--venue V]`.
 * The whole file is checked before the first trade is published. Publishing it again is harmless: within the stream's
 * duplicate window the stream drops what it has, after it the database does.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { speed: { type: 'string', default: '1' }, venue: { type: 'string', default: 'binance' } },
});
const file = positionals[0] ?? '';
const speed = values.speed === 'max' ? Infinity : Number(values.speed);

/** Enough to fill the stream's pipe; more would only wait in this process's memory. */
const inFlight = 1_000;
const reportEveryMs = 2_000;

await runFeed('replay', async ({ bus, logger, signal }: FeedContext) => {
  const { trades, symbols, firstTs, lastTs } = await checkTradesFile(file, values.venue);
  logger.info(
    { trades, symbols: symbols.join(','), from: iso(firstTs), to: iso(lastTs), speed: values.speed },
    `replaying recorded trades of ${file}`,
  );
  const publisher = new Publisher(bus, {
    inFlight,
    signal,
    onWaiting: (reason) => logger.warn({ reason }, 'waiting for NATS'),
  });
  const startedAt = performance.now();
  let sent = 0;
  let reportedAt = startedAt;
  for await (const trade of readTradesFile(file, values.venue)) {
    const dueAt = startedAt + (trade.trade.ts - firstTs) / speed;
    while (dueAt - performance.now() > 1 && !signal.aborted) await pause(dueAt - performance.now(), signal);
    if (signal.aborted) break;
    await publisher.publish(trade);
    sent += 1;
    if (performance.now() - reportedAt > reportEveryMs) {
      reportedAt = performance.now();
      logger.info({ published: sent, of: trades, at: iso(trade.trade.ts) }, 'replaying');
    }
  }
  await publisher.finish();
  const seconds = Number(((performance.now() - startedAt) / 1000).toFixed(1));
  const { stored, duplicates } = publisher.counts;
  const outcome = sent === trades ? 'replay finished' : 'replay stopped before its end';
  logger.info({ published: sent, of: trades, stored, duplicates, seconds }, outcome);
});

function iso(ts: number): string {
  return new Date(ts).toISOString();
}
