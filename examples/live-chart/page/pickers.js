/** Every interval of the gateway, and how it is called in full. @type {readonly (readonly [string, string])[]} */
export const intervals = [
  ['1s', '1 second'],
  ['1m', '1 minute'],
  ['3m', '3 minutes'],
  ['5m', '5 minutes'],
  ['15m', '15 minutes'],
  ['30m', '30 minutes'],
  ['1h', '1 hour'],
  ['2h', '2 hours'],
  ['4h', '4 hours'],
  ['6h', '6 hours'],
  ['8h', '8 hours'],
  ['12h', '12 hours'],
  ['1d', '1 day'],
  ['3d', '3 days'],
  ['1w', '1 week'],
  ['1M', '1 month'],
];

/** Radio buttons that look like one row of keys. */
export class IntervalPicker {
  #place;

  constructor(/** @type {HTMLElement} */ place, /** @type {(interval: string) => void} */ onPick) {
    this.#place = place;
    place.append(
      ...intervals.map(([value, name]) => {
        const label = document.createElement('label');
        label.title = name;
        const input = document.createElement('input');
        Object.assign(input, { type: 'radio', name: 'interval', value, ariaLabel: name });
        const text = document.createElement('span');
        text.textContent = value;
        label.append(input, text);
        return label;
      }),
    );
    place.addEventListener('change', (event) => onPick(/** @type {HTMLInputElement} */ (event.target).value));
  }

  show(/** @type {string} */ interval) {
    for (const input of this.#place.querySelectorAll('input')) input.checked = input.value === interval;
  }
}

export class SymbolPicker {
  #select;

  constructor(
    /** @type {HTMLSelectElement} */ select,
    /** @type {{ onPick: (symbol: string) => void, onOpen: () => void }} */ { onPick, onOpen },
  ) {
    this.#select = select;
    select.addEventListener('change', () => onPick(select.value));
    select.addEventListener('focus', onOpen);
  }

  /** Lists these symbols. Leaves an open list alone when they are the ones it has. */
  list(/** @type {readonly string[]} */ symbols) {
    const present = [...this.#select.options].map(({ value }) => value);
    if (present.join() === symbols.join()) return;
    const chosen = this.#select.value;
    this.#select.replaceChildren(...symbols.map((symbol) => new Option(symbol, symbol)));
    // One that is not there leaves the list without a choice: a browser's own would be shown and never reported.
    this.#select.value = chosen;
  }

  show(/** @type {string} */ symbol) {
    if (![...this.#select.options].some(({ value }) => value === symbol))
      this.#select.append(new Option(symbol, symbol));
    this.#select.value = symbol;
  }
}
