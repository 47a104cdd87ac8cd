import { isInterval, isSymbol, type Interval } from '@sluice/market';
import { matchesPattern } from './channel.ts';

/** How a family of channels behaves towards its subscribers. Who they may be is for the gateway document to say. */
export interface ChannelPolicy {
  /** Channels it is for. */
  readonly pattern: string;
  /**
   * What happens when a client reads more slowly than events come. `queue`: every event waits, and when the client's byte
   * budget is used up the connection is closed. `conflate`: an event is a whole state, so only the newest one waits.
   */
  readonly overflow: 'queue' | 'conflate';
}

/** Channel policies as data; `docs/live.md` shows the same table. */
export const policies: readonly ChannelPolicy[] = [
  { pattern: 'trades.*', overflow: 'queue' },
  { pattern: 'ticker.*', overflow: 'conflate' },
  { pattern: 'candles.*.*', overflow: 'conflate' },
  { pattern: 'quotes.*', overflow: 'conflate' },
];

/** Every other team's channels: nothing is known about their events, so none may be left out. */
const otherNamespaces: ChannelPolicy = { pattern: '*.>', overflow: 'queue' };

/** What stands behind the namespace of a market channel. */
const marketTokens: readonly ((token: string) => boolean)[] = [isSymbol, isInterval];

/**
 * The policy of a channel or pattern, or undefined when there can be no such channel (`trades.btc`, `candles.BTCUSDT.7m`):
 * the market's namespaces hold nothing else. The first token of a pattern is literal, so it never spans two policies.
 */
export function channelPolicy(name: string): ChannelPolicy | undefined {
  const [namespace = '', ...tokens] = name.split('.');
  const policy = policies.find((row) => row.pattern.startsWith(`${namespace}.`));
  if (!policy) return otherNamespaces;
  const wild = (token: string): boolean => token === '*' || token === '>';
  if (!tokens.every((token, i) => wild(token) || marketTokens[i]?.(token) === true)) return undefined;
  return tokens.some(wild) || matchesPattern(policy.pattern, name) ? policy : undefined;
}

export function tradesChannel(symbol: string): string {
  return `trades.${symbol}`;
}

export function tickerChannel(symbol: string): string {
  return `ticker.${symbol}`;
}

export function candlesChannel(symbol: string, interval: Interval): string {
  return `candles.${symbol}.${interval}`;
}

export function quotesChannel(symbol: string): string {
  return `quotes.${symbol}`;
}
