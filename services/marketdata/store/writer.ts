import { finished } from 'node:stream/promises';
import type { Trade } from '@sluice/market';
import { from as copyFrom } from 'pg-copy-streams';
import type { Session } from './connection.ts';
import type { Database } from './database.ts';
import type { Horizon } from './horizon.ts';
import { locks, marketSlots } from './locks.ts';
import { pairKey, type Markets } from './markets.ts';
import { dayStart } from './retention.ts';
import { tradeKey } from './trade-key.ts';
import type { TradeTable } from './trade-table.ts';
import { beginBatch, lockMarkets, mergeCandles, storeTrades } from './writer-sql.ts';

/** A trade and where it belongs. Everything is valid: symbol, venue, id, decimals. */
export interface TradeRow {
  readonly symbol: string;
  readonly venue: string;
  readonly trade: Trade;
}

/** What became of a batch. */
export interface Written {
  readonly stored: number;
  /** Trades the database already had, or that came twice in the batch. */
  readonly duplicates: number;
  /** Trades from before the horizon: their candles are complete and they may have been stored and dropped. */
  readonly expired: number;
}

/**
 * Writes batches of trades and the candles they change in one transaction: after it, trades and candles agree, whoever
 * else writes at the same time. A batch may be written again at any time; what is stored already changes nothing.
 *
 * The transaction locks its markets first, in ascending order, so two writers of a market take turns and cannot block
 * each other in a circle. Then the rows that are really new (RETURNING) are folded per minute, and the folds are merged
 * into the stored candles. Candles know which trades gave their open and close, and numeric sums are exact, so merging
 * gives the same as computing them again from every trade, at the price of the batch instead of the minute.
 */
export class TradeWriter {
  readonly #database: Database;
  readonly #markets: Markets;
  readonly #horizon: Horizon;
  readonly #table: TradeTable;

  constructor(database: Database, markets: Markets, horizon: Horizon, table: TradeTable) {
    this.#database = database;
    this.#markets = markets;
    this.#horizon = horizon;
    this.#table = table;
  }

  /** Rejects with StoreError; nothing of the batch is stored then. */
  async write(rows: readonly TradeRow[]): Promise<Written> {
    try {
      // Trades that the transaction would leave out get no market and no partition either.
      const horizon = await this.#horizon.recent();
      const taken = rows.filter(({ trade }) => trade.ts >= horizon);
      const { stored, expired } = taken.length > 0 ? await this.#store(taken) : { stored: 0, expired: 0 };
      return {
        stored,
        duplicates: taken.length - stored - expired,
        expired: rows.length - taken.length + expired,
      };
    } catch (error) {
      // A row may have found no partition because somebody dropped it.
      this.#table.forget();
      this.#horizon.forget();
      throw error;
    }
  }

  async #store(rows: readonly TradeRow[]): Promise<{ stored: number; expired: number }> {
    const pairs = new Map<string, TradeRow>();
    const days = new Set<number>();
    for (const row of rows) {
      pairs.set(pairKey(row.venue, row.symbol), row);
      days.add(dayStart(row.trade.ts));
    }
    const numbersOf = await this.#markets.numbersOf(pairs);
    await this.#table.prepare(days);
    const numbers = new Map([...pairs].map(([key, pair]) => [key, numbersOf(pair)]));
    const text = copyText(rows, numbers);
    const slots = [...new Set([...numbers.values()].map(({ market }) => market % marketSlots))];
    slots.sort((a, b) => a - b);
    const written = await this.#database.write((session) => store(session, text, slots));
    this.#horizon.seen(written.horizon);
    return written;
  }
}

async function store(
  session: Session,
  text: string,
  slots: readonly number[],
): Promise<{ stored: number; expired: number; horizon: number }> {
  // Tables are made once per connection; their rows vanish with the transaction.
  await session.client.query(beginBatch);
  const stream = session.client.query(copyFrom('COPY stage FROM STDIN'));
  stream.end(text);
  await finished(stream);
  await session.run(lockMarkets, [locks.market, slots]);
  const [row] = await session.run(storeTrades);
  const [stored, expired, horizon] = row as [number, number, string];
  if (stored > 0) await session.run(mergeCandles);
  return { stored, expired, horizon: Number(horizon) };
}

/** COPY's text format. No field holds anything it would escape: the grammars of all of them leave no room for it. */
function copyText(
  rows: readonly TradeRow[],
  numbers: ReadonlyMap<string, { readonly market: number; readonly venue: number }>,
): string {
  let text = '';
  for (const { symbol, venue, trade } of rows) {
    const number = numbers.get(pairKey(venue, symbol)) as { market: number; venue: number };
    text += `${number.market}\t${number.venue}\t${trade.ts}\t${tradeKey(trade.id)}\t${trade.price}\t${trade.size}\t${
      trade.side === 'buy' ? 't' : 'f'
    }\n`;
  }
  return text;
}
