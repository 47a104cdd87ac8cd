const key = 'sluice-theme';
const names = /** @type {const} */ (['auto', 'light', 'dark']);
const system = matchMedia('(prefers-color-scheme: dark)');

/** Light or dark: as the system has it, or as the reader chose with the button. */
export class Theme {
  #button;
  #onChange;
  /** @type {(typeof names)[number]} */
  #name;

  constructor(/** @type {HTMLButtonElement} */ button, /** @type {() => void} */ onChange) {
    this.#button = button;
    this.#onChange = onChange;
    this.#name = names.find((name) => name === stored()) ?? 'auto';
    button.addEventListener('click', () => {
      this.#name = names[(names.indexOf(this.#name) + 1) % names.length] ?? 'auto';
      store(this.#name);
      this.apply();
    });
    system.addEventListener('change', () => this.apply());
  }

  /** Sets the page's colours and tells who draws with them. */
  apply() {
    document.documentElement.dataset['theme'] = this.#name;
    this.#button.textContent = { auto: '◐', light: '☀', dark: '☾' }[this.#name];
    const label = `Theme: ${this.#name === 'auto' ? 'as the system' : this.#name}`;
    this.#button.ariaLabel = label;
    this.#button.title = label;
    this.#onChange();
  }
}

/** A browser that keeps nothing for pages throws where it is asked; the choice then lasts as long as the page. */
function stored() {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function store(/** @type {string} */ name) {
  try {
    localStorage.setItem(key, name);
  } catch {
    // As above; or there is no room.
  }
}
