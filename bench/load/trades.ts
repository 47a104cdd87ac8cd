import { readFileSync } from 'node:fs';
import { encodeTrade, marketStream, tradeMessageId, tradeSubject, type Trade } from '@sluice/market';
import { connectBus, ensureStream, publishStored, type Bus } from '@sluice/nats';
import { serveDriver } from '../harness/driver.ts';

export interface Recording {
  readonly url: string;
  /** A recording: `ts_ms,symbol,trade_id,price,size,side,…` under a header line. */
  readonly file: string;
  /** How often it is published, each time under symbols of its own. */
  readonly copies: number;
}

export interface SteadyTrades {
  readonly url: string;
  readonly symbols: readonly string[];
  readonly perSecond: number;
  readonly seconds: number;
}

export interface MinuteTrades {
  readonly url: string;
  readonly symbol: string;
  readonly minutes: number;
}

const venue = 'bench';
/** Messages that wait for the stream's acknowledgement; JetStream drops what comes faster than it can store. */
const window = 500;
const buses = new Map<string, Promise<Bus>>();

async function busOf(url: string): Promise<Bus> {
  let bus = buses.get(url);
  if (!bus) {
    bus = connectBus({ servers: [url], name: 'bench trades' });
    buses.set(url, bus);
    await ensureStream(await bus, marketStream(1));
  }
  return bus;
}

/** Publishes with many in flight; gives the number stored. */
async function publishAll(
  url: string,
  trades: Iterable<readonly [symbol: string, trade: Trade]>,
): Promise<number> {
  const bus = await busOf(url);
  let published = 0;
  let failure: unknown;
  const source = trades[Symbol.iterator]();
  const worker = async (): Promise<void> => {
    for (let next = source.next(); !next.done && failure === undefined; next = source.next()) {
      const [symbol, trade] = next.value;
      try {
        const msgId = tradeMessageId(venue, symbol, trade.id);
        const deadline = Date.now() + 10_000;
        const ack = await publishStored(bus, tradeSubject(venue, symbol), encodeTrade(trade), {
          msgId,
          deadline,
        });
        if (!ack.duplicate) published += 1;
      } catch (error) {
        failure = error;
      }
    }
  };
  await Promise.all(Array.from({ length: window }, worker));
  if (failure !== undefined) throw failure;
  return published;
}

function recording({ url, file, copies }: Recording): Promise<number> {
  const lines = readFileSync(file, 'utf8').trim().split('\n').slice(1);
  return publishAll(url, copiesOf(lines, copies));
}

function* copiesOf(lines: readonly string[], copies: number): Generator<[string, Trade]> {
  for (let copy = 0; copy < copies; copy += 1)
    for (const line of lines) {
      const [ts, symbol, id, price, size, side] = line.split(',') as [
        string,
        string,
        string,
        string,
        string,
        'buy',
      ];
      yield [`${symbol}-${copy}`, { id, ts: Number(ts), price, size, side }];
    }
}

/** One trade a minute, backwards from now: makes as many one-minute candles. */
function minutes({ url, symbol, minutes }: MinuteTrades): Promise<number> {
  const now = Date.now();
  return publishAll(
    url,
    Array.from({ length: minutes }, (_, n): [string, Trade] => [
      symbol,
      {
        id: String(n + 1),
        ts: now - (minutes - n) * 60_000,
        price: `${61_000 + (n % 500)}.${String(n % 100).padStart(2, '0')}1`,
        size: `0.0${(n % 9) + 1}`,
        side: n % 3 === 0 ? 'buy' : 'sell',
      },
    ]),
  );
}

/**
 * Publishes at a steady rate, the symbols in turn. The id is the moment of publishing in nanoseconds on the machine's
 * monotonic clock, which the receiver reads too.
 */
async function steady({ url, symbols, perSecond, seconds }: SteadyTrades): Promise<number> {
  const bus = await busOf(url);
  const started = performance.now();
  const total = Math.round(perSecond * seconds);
  let sent = 0;
  while (sent < total) {
    const due = Math.min(total, Math.ceil(((performance.now() - started) / 1000) * perSecond));
    for (; sent < due; sent += 1) {
      const symbol = symbols[sent % symbols.length]!;
      const id = String(process.hrtime.bigint());
      const trade: Trade = { id, ts: Date.now(), price: '61837.63', size: '0.02', side: 'sell' };
      const headers = ['Nats-Msg-Id', tradeMessageId(venue, symbol, id)];
      bus.publish(tradeSubject(venue, symbol), encodeTrade(trade), headers);
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await bus.flush();
  return sent;
}

const commands = { recording, minutes, steady };
export type TradesDriver = typeof commands;
serveDriver(commands);
