import { tradeMessageId, tradeSubject } from '@sluice/market';
import { isBusError, publishStored, type Bus } from '@sluice/nats';
import { until } from '@sluice/testing';
import { madeTrades, realTrades, tradesFile, type TestTrade } from '../../marketdata/trades.ts';

/** The recorded trades under symbols of their own, or made ones where the recording is not beside the checkout. */
export function tradesFor(suffix: string): TestTrade[] {
  const trades =
    tradesFile === undefined
      ? ['BTCUSDT', 'ETHUSDT'].flatMap((symbol, seed) =>
          madeTrades({ symbol, count: 8_000, from: Date.UTC(2024, 7, 8), days: 3, seed }),
        )
      : realTrades();
  return trades.map((row) => ({ ...row, symbol: `${row.symbol}${suffix}` }));
}

/** As a feed does: a trade is published until the stream has acknowledged it, under the same message id. */
export async function publishTrade(bus: Bus, { venue, symbol, trade }: TestTrade): Promise<void> {
  for (;;)
    try {
      await publishStored(bus, tradeSubject(venue, symbol), JSON.stringify(trade), {
        msgId: tradeMessageId(venue, symbol, trade.id),
        deadline: Date.now() + 3_000,
      });
      return;
    } catch (error) {
      if (!isBusError(error)) throw error;
      await pause(100);
    }
}

/** Many at once; the stream gets them in this order as long as none has to be tried again. */
export async function publishAll(bus: Bus, trades: readonly TestTrade[], atOnce = 500): Promise<void> {
  for (let at = 0; at < trades.length; at += atOnce)
    await Promise.all(trades.slice(at, at + atOnce).map(async (row) => await publishTrade(bus, row)));
}

/** Publishes trades one after another at a steady pace, until told to stop or out of trades. */
export class Feed {
  /** Trades that the stream acknowledged. */
  readonly acknowledged: TestTrade[] = [];
  readonly #running: Promise<void>;
  readonly #stopping = new AbortController();
  #longestMs = 0;

  constructor(bus: Bus, trades: readonly TestTrade[], everyMs: number) {
    this.#running = this.#run(bus, trades, everyMs);
  }

  /** Resolves when so many more trades were acknowledged. */
  async goesOn(more = 20): Promise<void> {
    const goal = this.acknowledged.length + more;
    await until(() => this.acknowledged.length >= goal, { timeoutMs: 60_000, message: 'the feed goes on' });
  }

  /** The longest that the stream took to acknowledge a trade since this was asked last, milliseconds. */
  takeLongest(): number {
    const longest = this.#longestMs;
    this.#longestMs = 0;
    return longest;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(bus: Bus, trades: readonly TestTrade[], everyMs: number): Promise<void> {
    for (const row of trades) {
      if (this.#stopping.signal.aborted) return;
      const began = performance.now();
      await publishTrade(bus, row);
      this.#longestMs = Math.max(this.#longestMs, performance.now() - began);
      this.acknowledged.push(row);
      await pause(everyMs);
    }
  }
}

/** The pace of a feed, not a wait for anything. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
