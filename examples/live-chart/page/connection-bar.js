/** @typedef {import('./live-stream.js').LiveStream} LiveStream */

const words = {
  connecting: 'Connecting…',
  live: 'Live',
  degraded: 'Live data interrupted',
  waiting: 'Reconnecting…',
};

/** How the live connection fares: in a word on top, in figures at the bottom. */
export class ConnectionBar {
  #badge;
  #figures;
  #shown = '';
  #due = false;

  constructor(/** @type {HTMLElement} */ badge, /** @type {HTMLElement} */ figures) {
    this.#badge = badge;
    this.#figures = figures;
  }

  /** With the next frame, however many events there are. */
  show(/** @type {LiveStream} */ stream) {
    if (this.#due) return;
    this.#due = true;
    requestAnimationFrame(() => {
      this.#due = false;
      this.#draw(stream);
    });
  }

  #draw(/** @type {LiveStream} */ stream) {
    // Only changes are written: a screen reader says each of them.
    if (this.#shown !== stream.state) {
      this.#shown = stream.state;
      this.#badge.textContent = words[stream.state];
      this.#badge.dataset['state'] = stream.state;
    }
    const { resumed, reloaded, gaps } = stream.counts;
    const positions = stream.positions();
    const seq = Math.max(0, ...positions.map((position) => position.seq));
    const epoch = positions.find((position) => position.epoch !== '')?.epoch ?? '–';
    this.#figures.textContent = `epoch ${epoch} · sequence ${seq} · channels resumed ${resumed}, reloaded ${reloaded}, gaps mended ${gaps}`;
  }
}
