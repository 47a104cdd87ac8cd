import { listMarkets } from './api.js';
import { CandleChart } from './candle-chart.js';
import { CandleFeed } from './candle-feed.js';
import { CandleTable } from './candle-table.js';
import { ConnectionBar } from './connection-bar.js';
import { LiveStream } from './live-stream.js';
import { PageState } from './page-state.js';
import { intervals, IntervalPicker, SymbolPicker } from './pickers.js';
import { Theme } from './theme.js';
import { TickerHeader } from './ticker-header.js';
import { TradeTape } from './trade-tape.js';

/**
 * The element of the page with this id.
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
function element(id, type) {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`the page has no ${type.name} ${id}`);
  return found;
}

/** Trades that the tape begins with. */
const tapeHistory = 40;
const marketsPauseMs = 2_000;
const youngMs = 20 * 60_000;

const state = new PageState(element('app', HTMLElement));
const header = new TickerHeader(element('ticker', HTMLElement));
const tape = new TradeTape(element('tape', HTMLTableSectionElement));
const table = new CandleTable(element('candle-table', HTMLDetailsElement));
const bar = new ConnectionBar(element('connection', HTMLElement), element('figures', HTMLElement));
const message = element('message', HTMLElement);
const toEnd = element('to-end', HTMLElement);
/** @type {CandleFeed | null} */
let feed = null;
/** What the address or the reader asked for, while nothing is shown yet. @type {string | undefined} */
let wantedInterval;
let trades = 0;

const chart = new CandleChart({
  place: element('chart', HTMLElement),
  legend: element('legend', HTMLElement),
  onOlder: () => void feed?.loadOlder(),
  onScroll: (atEnd) => (toEnd.hidden = atEnd),
});
toEnd.addEventListener('click', () => chart.scrollToEnd());
const theme = new Theme(element('theme', HTMLButtonElement), () => chart.restyle());

const stream = new LiveStream({
  url: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/v1/stream`,
  onChange: () => {
    bar.show(stream);
    state.set({ connection: stream.state, ...stream.counts });
  },
});

const intervalPicker = new IntervalPicker(element('intervals', HTMLElement), (interval) => {
  wantedInterval = interval;
  if (feed) show(feed.symbol, interval);
});
const symbolPicker = new SymbolPicker(element('symbol', HTMLSelectElement), {
  onPick: (symbol) => show(symbol, feed?.interval ?? wantedInterval ?? '1m'),
  onOpen: () => void refreshMarkets().catch(() => {}),
});

/** Shows a market: leaves the one before, follows this one. */
function show(/** @type {string} */ symbol, /** @type {string} */ interval) {
  if (feed?.symbol === symbol && feed.interval === interval) return;
  const sameMarket = feed?.symbol === symbol;
  const before = feed;
  before?.stop();
  const shown = new CandleFeed(
    { stream, symbol, interval },
    {
      onLoaded: () => {
        chart.redraw();
        candlesChanged(shown);
      },
      onCandle: (candle, newest) => {
        chart.update(candle, newest);
        candlesChanged(shown);
      },
      onProblem: (problem) => {
        message.textContent = problem ?? '';
        message.hidden = problem === null;
      },
    },
  );
  feed = shown;
  chart.show(shown.book, interval);
  table.show(shown.book);
  if (!sameMarket) {
    if (before) for (const channel of marketChannels(before.symbol)) stream.leave(channel);
    followMarket(symbol);
  }
  shown.start();
  symbolPicker.show(symbol);
  intervalPicker.show(interval);
  state.set({ symbol, interval });
  history.replaceState(null, '', `?${new URLSearchParams({ symbol, interval })}`);
  element('chart', HTMLElement).ariaLabel =
    `Candles of ${symbol}, ${intervals.find(([name]) => name === interval)?.[1]}`;
}

function candlesChanged(/** @type {CandleFeed} */ { book, hasOlder }) {
  table.changed();
  const { last } = book;
  state.set({
    candles: book.size,
    older: String(hasOlder ?? 'unknown'),
    ...(last ? { lastTs: last.ts, lastClose: last.close, lastTrades: last.trades } : {}),
  });
}

function marketChannels(/** @type {string} */ symbol) {
  return [`ticker.${symbol}`, `trades.${symbol}`];
}

function followMarket(/** @type {string} */ symbol) {
  header.clear(symbol);
  tape.clear();
  trades = 0;
  state.set({ trades });
  const [ticker = '', tapeChannel = ''] = marketChannels(symbol);
  stream.follow(ticker, {
    whole: true,
    onStart: (events) => events.forEach(({ data }) => header.show(data)),
    onEvent: ({ data }) => header.show(data),
  });
  stream.follow(tapeChannel, {
    history: tapeHistory,
    onStart: (events) => tape.begin(events),
    onEvent: (event) => {
      if (tape.add(event)) state.set({ trades: (trades += 1) });
    },
  });
}

async function refreshMarkets() {
  const markets = await listMarkets(undefined);
  symbolPicker.list(markets.map(({ symbol }) => symbol));
  return markets;
}

/**
 * The market that the address names; where it names none BTCUSDT, else the first one. Waits until there is such a market,
 * or the reader has chosen another one.
 */
async function begin() {
  const wanted = new URLSearchParams(location.search);
  const named = wanted.get('symbol') ?? '';
  wantedInterval = intervals.find(([name]) => name === wanted.get('interval'))?.[0];
  while (!feed) {
    try {
      const markets = await refreshMarkets();
      if (feed) return;
      const market = named === '' ? (find(markets, 'BTCUSDT') ?? markets[0]) : find(markets, named);
      if (market) return show(market.symbol, wantedInterval ?? usualInterval(market));
      message.textContent =
        markets.length === 0
          ? 'No market has a trade yet. Waiting for the first one…'
          : `There is no market ${named}. Choose another one, or wait for its first trade…`;
    } catch {
      if (feed) return;
      message.textContent = 'The gateway does not answer. Trying again…';
    }
    message.hidden = false;
    await new Promise((resolve) => setTimeout(resolve, marketsPauseMs));
  }
}

/** Symbols are in capital letters on most gateways, and in small ones in many an address that somebody typed. */
function find(/** @type {readonly import('./api.js').Market[]} */ markets, /** @type {string} */ named) {
  return (
    markets.find(({ symbol }) => symbol === named) ??
    markets.find(({ symbol }) => symbol.toLowerCase() === named.toLowerCase())
  );
}

/** Minutes, or seconds for a market that has just begun and would be a few minutes on an empty sheet. */
function usualInterval(/** @type {import('./api.js').Market} */ { first_ts, last_ts }) {
  return last_ts - first_ts < youngMs ? '1s' : '1m';
}

theme.apply();
stream.open();
await begin();
