import { ApiError, listCandles } from './api.js';
import { CandleBook } from './candle-book.js';

/**
 * @typedef {import('./api.js').Candle} Candle
 * @typedef {import('./live-stream.js').LiveStream} LiveStream
 *
 * @typedef {object} FeedEvents
 * @property {() => void} onLoaded Many candles are new: history, or older ones.
 * @property {(candle: Candle, newest: boolean) => void} onCandle One candle is new or another.
 * @property {(problem: string | null) => void} onProblem Why there is no history, in words; null when there is.
 */

const pageSize = 500;
const firstPauseMs = 250;
const longestPauseMs = 5_000;
const catchUpMs = 2_000;

/**
 * The candles of a market: history from REST, page by page backwards, the newest ones from the live channel. Where the
 * two meet nothing may be missing: history is asked until it reaches the candle that the live thread began with.
 */
export class CandleFeed {
  book = new CandleBook();
  symbol;
  interval;
  #stream;
  #events;
  #channel;
  #ended = new AbortController();
  /** Where history goes on backwards; null at its beginning, undefined until it came. @type {string | null | undefined} */
  #older;
  #loadingOlder = false;
  /** Up to here no candle is missing. @type {number} */
  #wholeTo = -Infinity;
  /** How far history must reach to join the live thread. */
  #wanted = -Infinity;
  #loading = false;
  #loadAgain = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #catchingUp;

  constructor(
    /** @type {{ stream: LiveStream, symbol: string, interval: string }} */ { stream, symbol, interval },
    /** @type {FeedEvents} */ events,
  ) {
    this.#stream = stream;
    this.symbol = symbol;
    this.interval = interval;
    this.#events = events;
    this.#channel = `candles.${symbol}.${interval}`;
  }

  /** Whether there are candles before the oldest; undefined while nothing is known but what the live channel said. */
  get hasOlder() {
    return this.#older === undefined ? undefined : this.#older !== null;
  }

  start() {
    this.#stream.follow(this.#channel, {
      onStart: (events) => {
        const newest = events.at(-1)?.data;
        // First, so that the newest candle is not taken for one that follows what is held.
        void this.#load(newest?.ts ?? -Infinity);
        if (newest) this.#put(newest);
      },
      onEvent: ({ data }) => this.#put(data),
      onRefused: (reason) => this.#events.onProblem(reason),
    });
    // Not only when the live channel is there: history can be looked at without it.
    void this.#load(-Infinity);
  }

  stop() {
    this.#ended.abort();
    clearTimeout(this.#catchingUp);
    this.#stream.leave(this.#channel);
  }

  /** Adds the page before the oldest candle, however often it has to be asked for. */
  async loadOlder() {
    if (this.#loadingOlder) return;
    this.#loadingOlder = true;
    const had = this.#older;
    let pause = firstPauseMs;
    while (this.#older != null && !(await this.#addPage(this.#older))) {
      await new Promise((resolve) => setTimeout(resolve, pause));
      pause = Math.min(longestPauseMs, pause * 2);
    }
    // Before it is told: a chart that has room for more asks again at once.
    this.#loadingOlder = false;
    if (this.#older !== had && !this.#ended.signal.aborted) this.#events.onLoaded();
  }

  /** @returns Whether nothing is left to try: the page is there, or cannot be had. */
  async #addPage(/** @type {string} */ cursor) {
    try {
      const { data, next } = await this.#page(cursor);
      // The newest page did not join what was held, which is gone: another page is the one before.
      if (this.#older !== cursor) return false;
      this.#older = next;
      for (const candle of data) this.book.put(candle);
      return true;
    } catch (error) {
      // A cursor that is refused would be refused again: what is there is all that can be had.
      if (error instanceof ApiError && error.status === 400) this.#older = null;
      return this.#older === null || this.#ended.signal.aborted;
    }
  }

  #put(/** @type {Candle} */ candle) {
    if (!this.#loading && candle.ts > this.#wholeTo) this.#wholeTo = candle.ts;
    const change = this.book.put(candle);
    if (change === 'last' || change === 'older') this.#events.onCandle(candle, change === 'last');
    else if (change === 'outdated') this.#catchUp();
  }

  /** The live side has seen fewer trades of a candle than history has: history is asked for what happened since. */
  #catchUp() {
    this.#catchingUp ??= setTimeout(() => {
      this.#catchingUp = undefined;
      void this.#load(-Infinity);
    }, catchUpMs);
  }

  /** Loads the newest page, again and again until it reaches `from`. */
  async #load(/** @type {number} */ from) {
    this.#wanted = Math.max(this.#wanted, from);
    this.#loadAgain = true;
    if (this.#loading) return;
    this.#loading = true;
    let pause = firstPauseMs;
    while (this.#loadAgain && !this.#ended.signal.aborted) {
      this.#loadAgain = false;
      try {
        const newest = this.#take(await this.#page(''));
        if (newest < this.#wanted) this.#loadAgain = true;
        else this.#wanted = -Infinity;
        this.#events.onProblem(null);
      } catch (error) {
        if (this.#ended.signal.aborted) return;
        this.#loadAgain = true;
        this.#events.onProblem(describe(error));
      }
      if (!this.#loadAgain) break;
      await new Promise((resolve) => setTimeout(resolve, pause));
      pause = Math.min(longestPauseMs, pause * 2);
    }
    this.#loading = false;
    this.#wholeTo = Math.max(this.#wholeTo, this.book.last?.ts ?? -Infinity);
  }

  /** Takes the newest page; what is held remains if the page joins it, and goes if there is a hole between. */
  #take(/** @type {{ data: Candle[], next: string | null }} */ { data, next }) {
    const newest = data[0]?.ts ?? -Infinity;
    const oldest = data.at(-1)?.ts ?? Infinity;
    if (this.#wholeTo < oldest) {
      this.book.dropBefore(oldest);
      this.#older = next;
    }
    for (const candle of data) this.book.put(candle);
    this.#wholeTo = Math.max(this.#wholeTo, newest);
    this.#events.onLoaded();
    return newest;
  }

  #page(/** @type {string} */ cursor) {
    const { symbol, interval } = this;
    return listCandles({ symbol, interval, limit: pageSize, cursor }, this.#ended.signal);
  }
}

function describe(/** @type {unknown} */ error) {
  if (error instanceof ApiError && error.status === 404) return 'This market has no trades yet.';
  if (error instanceof ApiError) return `History is not available: ${error.message}`;
  return 'History is not available: the gateway does not answer.';
}
