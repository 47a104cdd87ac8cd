import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import {
  canonicalPositive,
  decimalRule,
  isSymbol,
  isTradeId,
  isTs,
  maxAheadMs,
  isVenue,
  symbolRule,
  tradeIdRule,
  venueRule,
  type Trade,
} from '@sluice/market';
import { UserError } from '../local/user-error.ts';

/** A trade of a file, with where it took place. */
export interface FileTrade {
  readonly venue: string;
  readonly symbol: string;
  readonly trade: Trade;
}

export interface TradesFileSummary {
  readonly trades: number;
  readonly symbols: readonly string[];
  readonly firstTs: number;
  readonly lastTs: number;
}

const required = ['ts_ms', 'symbol', 'trade_id', 'price', 'size', 'side'] as const;
type Column = (typeof required)[number] | 'venue';

/** Reads a whole trades file without keeping it. Throws {@link UserError} with the first fault and its line. */
export async function checkTradesFile(file: string, venue: string): Promise<TradesFileSummary> {
  // It is read twice: now, so that every fault is known before anything is published, and by the feed.
  const status = await stat(file).catch(() => undefined);
  if (status !== undefined && !status.isFile() && !status.isDirectory())
    throw new UserError(`${file} is no regular file: a pipe can be read only once`);
  let trades = 0;
  let firstTs = Infinity;
  let lastTs = -Infinity;
  const symbols = new Set<string>();
  for await (const { symbol, trade } of readTradesFile(file, venue)) {
    trades += 1;
    symbols.add(symbol);
    firstTs = Math.min(firstTs, trade.ts);
    lastTs = Math.max(lastTs, trade.ts);
  }
  if (trades === 0) throw new UserError(`${file} holds no trades`);
  return { trades, symbols: [...symbols].sort(), firstTs, lastTs };
}

/**
 * The trades of a CSV file in its order. The first line names the columns: `ts_ms, symbol, trade_id, price, size, side`
 * in any order, `venue` where a file has several, others are ignored. Decimals come out canonical.
 * Throws {@link UserError} that names the line.
 */
export async function* readTradesFile(file: string, venue: string): AsyncGenerator<FileTrade> {
  let columns: Columns | undefined;
  let lineNumber = 0;
  for await (const text of linesOf(file)) {
    lineNumber += 1;
    const where = `${file}, line ${lineNumber}`;
    if (columns === undefined) {
      // Spreadsheets begin UTF-8 files with a byte order mark.
      columns = columnsOf(valuesOf(text.replace(/^\uFEFF/, ''), where), where);
      continue;
    }
    // A line without anything is how many editors and programs end a file.
    if (text === '') continue;
    yield tradeOf(valuesOf(text, where), columns, venue, where);
  }
  if (columns === undefined) throw new UserError(`${file} is empty`);
}

async function* linesOf(file: string): AsyncGenerator<string> {
  const stream = createReadStream(file, { encoding: 'utf8' });
  // The interface does not hand on errors of its input.
  const failed = new Promise<never>((_, reject) => stream.once('error', reject));
  failed.catch(() => {});
  const lines = createInterface({ input: stream, crlfDelay: Infinity })[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await Promise.race([lines.next(), failed]);
      if (next.done === true) break;
      yield next.value;
    }
    if (stream.errored) throw stream.errored;
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`cannot read ${file}: ${reasonOf(error as NodeJS.ErrnoException)}`);
  } finally {
    stream.destroy();
  }
}

/** Splits a line as RFC 4180 has it, except that a value cannot hold the end of a line. */
function valuesOf(line: string, where: string): string[] {
  if (!line.includes('"')) return line.split(',');
  const values: string[] = [];
  const value = /(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/y;
  for (let end = ','; end === ','; ) {
    const match = value.exec(line);
    if (!match) throw new UserError(`${where}: its quotes do not match`);
    values.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
    end = match[3] ?? '';
  }
  return values;
}

/** Where the columns are that count, and how many there are in all. */
interface Columns {
  readonly at: ReadonlyMap<string, number>;
  readonly count: number;
}

function columnsOf(headings: readonly string[], where: string): Columns {
  const names = headings.map((name) => name.trim());
  const missing = required.filter((name) => !names.includes(name));
  if (missing.length > 0)
    throw new UserError(`${where}: it should name the columns, but has no ${missing.join(', ')}`);
  return { at: new Map(names.map((name, at) => [name, at])), count: names.length };
}

function tradeOf(
  values: readonly string[],
  columns: Columns,
  defaultVenue: string,
  where: string,
): FileTrade {
  if (values.length !== columns.count)
    throw new UserError(`${where}: ${values.length} values for ${columns.count} columns`);
  const valueOf = (name: Column): string => (values[columns.at.get(name)!] as string).trim();
  const wrong = (name: Column, rule: string): UserError =>
    new UserError(`${where}: ${name} ${JSON.stringify(valueOf(name).slice(0, 60))} is not ${rule}`);

  const ts = Number(valueOf('ts_ms'));
  if (!/^\d+$/.test(valueOf('ts_ms')) || !isTs(ts))
    throw wrong('ts_ms', 'a time in integer milliseconds between 1970 and 2100');
  if (ts > Date.now() + maxAheadMs) throw wrong('ts_ms', 'a time that has come');
  const symbol = valueOf('symbol');
  if (!isSymbol(symbol)) throw wrong('symbol', symbolRule);
  const id = valueOf('trade_id');
  if (!isTradeId(id)) throw wrong('trade_id', tradeIdRule);
  const price = canonicalPositive(valueOf('price'));
  if (price === undefined) throw wrong('price', `${decimalRule}, above zero`);
  const size = canonicalPositive(valueOf('size'));
  if (size === undefined) throw wrong('size', `${decimalRule}, above zero`);
  const side = valueOf('side');
  if (side !== 'buy' && side !== 'sell') throw wrong('side', 'buy or sell');
  const venue = columns.at.has('venue') ? valueOf('venue') : defaultVenue;
  if (!isVenue(venue)) throw wrong('venue', venueRule);
  return { venue, symbol, trade: { id, ts, price, size, side } };
}

function reasonOf(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'ENOENT':
      return 'there is no such file';
    case 'EACCES':
      return 'it may not be read by this user';
    case 'EISDIR':
      return 'it is a directory';
    default:
      return error.message;
  }
}
