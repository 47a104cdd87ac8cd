/**
 * What the page shows, as `data-` attributes of one element, written once per frame: for tests, for extensions, and for
 * whoever looks with the browser's tools.
 */
export class PageState {
  #place;
  /** @type {Record<string, string | number>} */
  #changed = {};
  #due = false;

  constructor(/** @type {HTMLElement} */ place) {
    this.#place = place;
  }

  set(/** @type {Record<string, string | number>} */ values) {
    Object.assign(this.#changed, values);
    if (this.#due) return;
    this.#due = true;
    requestAnimationFrame(() => {
      this.#due = false;
      for (const [name, value] of Object.entries(this.#changed)) this.#place.dataset[name] = String(value);
      this.#changed = {};
    });
  }
}
