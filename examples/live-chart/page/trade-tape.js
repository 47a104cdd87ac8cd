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
  /** Not drawn yet, oldest first; null stands for a hole. @type {(LiveEvent | null)[]} */
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

  /** Goes on with these after a thread was lost: those that are there already are left out, and a hole is shown as one. */
  begin(/** @type {readonly LiveEvent[]} */ events) {
    const present = new Set([...this.#body.rows].map((row) => row.dataset['id']));
    for (const event of this.#waiting) present.add(event?.data.id);
    const fresh = events.filter(({ data }) => !present.has(data.id));
    if (present.size > 0 && fresh.length > 0 && fresh.length === events.length) this.#push(null);
    for (const event of fresh) this.#push(event);
  }

  add(/** @type {LiveEvent} */ event) {
    this.#push(event);
  }

  #push(/** @type {LiveEvent | null} */ event) {
    this.#waiting.push(event);
    if (this.#waiting.length > length) this.#waiting.shift();
    if (this.#due) return;
    this.#due = true;
    requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.#due = false;
    const events = this.#waiting;
    this.#waiting = [];
    for (const event of events) if (event) this.#places = Math.max(this.#places, placesOf(event.data.price));
    this.#body.prepend(...events.map((event) => (event ? this.#row(event) : holeRow())).reverse());
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

function holeRow() {
  const row = document.createElement('tr');
  row.className = 'hole';
  const cell = row.insertCell();
  cell.colSpan = 3;
  cell.textContent = 'trades between are not shown';
  return row;
}
