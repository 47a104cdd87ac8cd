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
  /** What is on the tape or waits. */
  #known = new Set();
  #due = false;
  #places = 0;

  constructor(/** @type {HTMLTableSectionElement} */ body) {
    this.#body = body;
  }

  clear() {
    this.#waiting = [];
    this.#known.clear();
    this.#places = 0;
    this.#body.replaceChildren();
  }

  /** Begins, or goes on after a thread was lost: what is missing between the two is shown as a hole. */
  begin(/** @type {readonly LiveEvent[]} */ events) {
    const apart = !events.some(({ data }) => this.#known.has(keyOf(data)));
    if (this.#known.size > 0 && events.length > 0 && apart) this.#push(null);
    for (const event of events) this.add(event);
  }

  /** False for a trade that is there already: a new epoch begins with the newest trade of the one before. */
  add(/** @type {LiveEvent} */ event) {
    const key = keyOf(event.data);
    if (this.#known.has(key)) return false;
    this.#known.add(key);
    this.#push(event);
    return true;
  }

  #push(/** @type {LiveEvent | null} */ event) {
    this.#waiting.push(event);
    if (this.#waiting.length > length) this.#known.delete(keyOf(this.#waiting.shift()?.data));
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
    for (const row of [...this.#body.rows].slice(length)) {
      this.#known.delete(row.dataset['key']);
      row.remove();
    }
  }

  #row(/** @type {LiveEvent} */ { seq, prev, data }) {
    const { id, ts, price, size, side } = /** @type {Trade} */ (data);
    const row = document.createElement('tr');
    Object.assign(row.dataset, { key: keyOf(data), id, seq: String(seq), prev: String(prev), side });
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

/** What tells trades of a market apart. */
function keyOf(/** @type {Trade | undefined} */ trade) {
  return `${trade?.ts} ${trade?.id}`;
}

function holeRow() {
  const row = document.createElement('tr');
  row.className = 'hole';
  const cell = row.insertCell();
  cell.colSpan = 3;
  cell.textContent = 'trades between are not shown';
  return row;
}
