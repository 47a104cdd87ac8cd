import { placesOf, showAmount, showDecimal, showPercent, signOf } from './decimal.js';

/**
 * @typedef {{ symbol: string, ts: number, last: string, open: string, high: string, low: string, volume: string,
 *   quote_volume: string, trades: number, change: string }} Ticker
 */

/** Last price and the day of the market. */
export class TickerHeader {
  #place;
  #places = 0;
  #last = '';

  constructor(/** @type {HTMLElement} */ place) {
    this.#place = place;
  }

  clear(/** @type {string} */ symbol) {
    this.#places = 0;
    this.#last = '';
    for (const part of this.#place.querySelectorAll('[data-part]')) part.textContent = '–';
    delete this.#place.dataset['direction'];
    document.title = `${symbol} · Sluice`;
  }

  show(/** @type {Ticker} */ ticker) {
    const { last, open, high, low, change } = ticker;
    this.#places = Math.max(this.#places, ...[last, open, high, low].map(placesOf));
    const price = (/** @type {string} */ text) => showDecimal(text, this.#places);
    const sign = signOf(change);
    const percent = showPercent(change, open);
    const arrow = ['▼', '', '▲'][sign + 1];
    this.#set('last', price(last));
    this.#set('change', `${arrow} ${sign > 0 ? '+' : ''}${price(change)}${percent ? ` (${percent})` : ''}`);
    this.#set('high', price(high));
    this.#set('low', price(low));
    this.#set('volume', showAmount(ticker.volume));
    this.#set('turnover', showAmount(ticker.quote_volume));
    this.#set('trades', ticker.trades.toLocaleString('en'));
    this.#place.dataset['direction'] = ['down', 'none', 'up'][sign + 1];
    if (this.#last !== '' && last !== this.#last) this.#flash(Number(last) > Number(this.#last));
    this.#last = last;
    document.title = `${price(last)} ${ticker.symbol} · Sluice`;
  }

  #set(/** @type {string} */ part, /** @type {string} */ text) {
    const place = this.#place.querySelector(`[data-part="${part}"]`);
    if (place && place.textContent !== text) place.textContent = text;
  }

  /** The last price lights up for a moment in the colour of its move. */
  #flash(/** @type {boolean} */ rising) {
    if (matchMedia('(prefers-reduced-motion: reduce)').matches) return;
    const color = getComputedStyle(this.#place).getPropertyValue(rising ? '--up-text' : '--down-text');
    this.#place.querySelector('[data-part="last"]')?.animate([{ color }, {}], 600);
  }
}
