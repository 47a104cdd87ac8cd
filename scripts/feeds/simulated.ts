import { marketStreamName, parseMarketSubject, parseTrade, tradeSubject } from '@sluice/market';
import { lastMessages, type Bus } from '@sluice/nats';
import { pause, runFeed } from './feed.ts';
import { Publisher } from './publisher.ts';
import { RandomWalk, type WalkSpec } from './random-walk.ts';

/**
 * A market for demonstrations, made up by a random walk: venue `simulated`, no relation to any real price. It goes on
 * from its own last prices.
 */
const venue = 'simulated';

const markets: readonly WalkSpec[] = [
  { symbol: 'BTCUSDT', price: 60_000, priceDigits: 2, sizeDigits: 5, size: 0.01, rate: 8 },
  { symbol: 'ETHUSDT', price: 2_600, priceDigits: 2, sizeDigits: 4, size: 0.2, rate: 6 },
  { symbol: 'SOLUSDT', price: 150, priceDigits: 2, sizeDigits: 3, size: 2, rate: 4 },
  { symbol: 'XRPUSDT', price: 0.6, priceDigits: 4, sizeDigits: 1, size: 300, rate: 2 },
  { symbol: 'DOGEUSDT', price: 0.1, priceDigits: 5, sizeDigits: 0, size: 2_000, rate: 2 },
];

await runFeed('simulated market', async ({ bus, logger, signal }) => {
  const lastPrices = await readLastPrices(bus);
  logger.warn(
    { venue, symbols: markets.map((market) => market.symbol).join(',') },
    'these trades are simulated: a random walk, no real market',
  );
  const publisher = new Publisher(bus, {
    inFlight: 200,
    signal,
    onWaiting: (reason) => logger.warn({ reason }, 'waiting for NATS'),
  });
  await Promise.all(
    markets.map(async (spec) => {
      const walk = new RandomWalk(spec, Math.random, lastPrices.get(spec.symbol));
      while (!signal.aborted) {
        for (const trade of walk.burst(Date.now()))
          await publisher.publish({ venue, symbol: spec.symbol, trade });
        await pause(walk.nextDelayMs(), signal);
      }
    }),
  );
  await publisher.finish();
});

/** The stream may not be there yet at a first start: then every market starts at its own price. */
async function readLastPrices(bus: Bus): Promise<Map<string, number>> {
  const messages = await lastMessages(bus, marketStreamName, [tradeSubject(venue, '*')]).catch(() => []);
  return new Map(
    messages.flatMap(({ subject, data, timeMs }) => {
      const symbol = parseMarketSubject(subject)?.symbol;
      const price = priceIn(data, timeMs);
      return symbol === undefined || price === undefined ? [] : [[symbol, price] as const];
    }),
  );
}

function priceIn(data: Uint8Array, storedMs: number): number | undefined {
  try {
    return Number(parseTrade(data, storedMs).price);
  } catch {
    // Somebody else's message under this venue's name: the market starts at its own price.
    return undefined;
  }
}
