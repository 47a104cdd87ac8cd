import { placesOf, showDecimal } from './decimal.js';

/**
 * @typedef {{ id: string, ts: number, price: string, size: string, side: 'buy' | 'sell' }} Trade
 * @typedef {import('./live-stream.js').LiveEvent} LiveEvent
 */

/** Rows that are kept. */
const length = 60;

/** The newest trades, newest on top. Drawn once per frame, however many came. */
export class TradeTape {
  #body;
  /** Not drawn yet, oldest first. @type {LiveEvent[]} */
  #waiting = [];
  #due = false;
  #places = 0;

  constructor(/** @type {HTMLTableSectionElement} */ body) {
    this.#body = body;
  }

  clear() {
    this.#waiting = [];
    this.#places = 0;
    this.#body.replaceChildren();
  }

  add(/** @type {readonly LiveEvent[]} */ events) {
    this.#waiting.push(...events);
    if (this.#waiting.length > length) this.#waiting.splice(0, this.#waiting.length - length);
    if (this.#due) return;
    this.#due = true;
    requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.#due = false;
    const events = this.#waiting;
    this.#waiting = [];
    for (const { data } of events) this.#places = Math.max(this.#places, placesOf(data.price));
    this.#body.prepend(...events.map((event) => this.#row(event)).reverse());
    while (this.#body.rows.length > length) this.#body.deleteRow(-1);
  }

  #row(/** @type {LiveEvent} */ { seq, prev, data }) {
    const { id, ts, price, size, side } = /** @type {Trade} */ (data);
    const row = document.createElement('tr');
    Object.assign(row.dataset, { id, seq: String(seq), prev: String(prev), side });
    row.insertCell().textContent = new Date(ts).toISOString().slice(11, 23);
    const direction = row.insertCell();
    // Not by colour alone.
    const arrow = document.createElement('span');
    arrow.textContent = side === 'buy' ? '▲' : '▼';
    arrow.ariaHidden = 'true';
    const word = document.createElement('span');
    word.className = 'unseen';
    word.textContent = side === 'buy' ? 'bought at ' : 'sold at ';
    direction.append(arrow, word, showDecimal(price, this.#places));
    row.insertCell().textContent = showDecimal(size);
    return row;
  }
}
