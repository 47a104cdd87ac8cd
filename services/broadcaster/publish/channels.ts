import {
  candlesChannel,
  liveStreamName,
  publishSubject,
  quotesChannel,
  tickerChannel,
  tradesChannel,
} from '@sluice/live';
import { intervals, type Candle, type Interval } from '@sluice/market';
import { lastMessages, type Bus } from '@sluice/nats';
import type { Market } from '../market/market.ts';
import type { Conflator } from './conflator.ts';

export interface Pace {
  readonly tickerMs: number;
  readonly candleMs: number;
}

/** The newest event of a channel as the live stream has it. */
export interface Present {
  readonly text: string;
  readonly msgId: string | undefined;
}

/** What the live stream holds of all market channels, by channel. */
export async function readPresent(bus: Bus): Promise<Map<string, Present>> {
  const names = [tradesChannel('*'), tickerChannel('*'), quotesChannel('*'), 'candles.*.*'];
  const stored = await lastMessages(bus, liveStreamName, names.map(publishSubject));
  const prefix = publishSubject('').length;
  return new Map(
    stored.map((message): [string, Present] => [
      message.subject.slice(prefix),
      { text: Buffer.from(message.data).toString('utf8'), msgId: message.header('Nats-Msg-Id') },
    ]),
  );
}

/** Message ids of the newest trades, by symbol. */
export function newestTrades(present: ReadonlyMap<string, Present>): Map<string, string> {
  const prefix = tradesChannel('');
  const newest = new Map<string, string>();
  for (const [channel, { msgId }] of present)
    if (channel.startsWith(prefix) && msgId !== undefined) newest.set(channel.slice(prefix.length), msgId);
  return newest;
}

/** Declares the channels of a market that carry states. */
export function declareChannels(
  conflator: Conflator,
  market: Market,
  pace: Pace,
  present: ReadonlyMap<string, Present>,
): void {
  const declare = (channel: string, everyMs: number, render: () => readonly string[]): void =>
    conflator.declare(channel, everyMs, render, present.get(channel)?.text);
  declare(tickerChannel(market.symbol), pace.tickerMs, () => texts(market.ticker()));
  declare(quotesChannel(market.symbol), pace.tickerMs, () => (market.quote === null ? [] : [market.quote]));
  for (const interval of intervals)
    declare(candlesChannel(market.symbol, interval), pace.candleMs, () => candleTexts(market, interval));
}

/** Every channel of a market that carries states. */
export function stateChannels(symbol: string): string[] {
  const candles = intervals.map((interval) => candlesChannel(symbol, interval));
  return [tickerChannel(symbol), quotesChannel(symbol), ...candles];
}

/** A late trade changes the candle before the newest: it goes out again, and then the newest, which stays the state. */
function candleTexts(market: Market, interval: Interval): string[] {
  const late = market.takeLate(interval) ? texts(market.previousCandle(interval)) : [];
  return [...late, ...texts(market.candle(interval))];
}

function texts(state: object | null): string[] {
  return state === null ? [] : [JSON.stringify(state)];
}

/** Whether a closed candle is news to a channel that has this event as its newest. */
export function isNewer(candle: Candle, present: Present | undefined): boolean {
  if (!present) return true;
  const { ts, trades } = JSON.parse(present.text) as Candle;
  return candle.ts > ts || (candle.ts === ts && candle.trades > trades);
}
