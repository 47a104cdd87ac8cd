import { showDecimal } from './decimal.js';

/** @typedef {import('./candle-book.js').CandleBook} CandleBook */

const rows = 30;

/** The newest candles as a table, every digit of them: for screen readers, and for those who want to copy them. */
export class CandleTable {
  #details;
  #body;
  /** @type {CandleBook | null} */
  #book = null;
  #due = false;

  constructor(/** @type {HTMLDetailsElement} */ details) {
    this.#details = details;
    this.#body = /** @type {HTMLTableSectionElement} */ (details.querySelector('tbody'));
    details.addEventListener('toggle', () => this.changed());
  }

  show(/** @type {CandleBook} */ book) {
    this.#book = book;
    this.changed();
  }

  /** Draws with the next frame, and only while it is open. */
  changed() {
    if (this.#due || !this.#details.open) return;
    this.#due = true;
    requestAnimationFrame(() => {
      this.#due = false;
      const newest = this.#book?.candles.slice(-rows).reverse() ?? [];
      this.#body.replaceChildren(...newest.map(rowOf));
    });
  }
}

function rowOf(/** @type {import('./api.js').Candle} */ candle) {
  const row = document.createElement('tr');
  row.dataset['ts'] = String(candle.ts);
  const start = document.createElement('th');
  start.scope = 'row';
  start.textContent = new Date(candle.ts).toISOString().slice(0, 19).replace('T', ' ');
  row.append(start);
  const { open, high, low, close, volume, trades } = candle;
  for (const value of [open, high, low, close, volume]) {
    const cell = row.insertCell();
    cell.textContent = showDecimal(value);
    cell.dataset['value'] = value;
  }
  row.insertCell().textContent = trades.toLocaleString('en');
  return row;
}
