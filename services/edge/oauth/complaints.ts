/** One line per cause and ten seconds: an outage that every request runs into must not fill the log. */
const quietMs = 10_000;

/** Passes on what is complained about, each thing once in a while. `about` comes from the document, so there are few. */
export class Complaints {
  readonly #report: (detail: string, error?: unknown) => void;
  readonly #last = new Map<string, number>();

  constructor(report: (detail: string, error?: unknown) => void) {
    this.#report = report;
  }

  make(about: string, detail: string, error?: unknown): void {
    const now = performance.now();
    const last = this.#last.get(about);
    if (last !== undefined && now - last < quietMs) return;
    this.#last.set(about, now);
    this.#report(detail, error);
  }
}
