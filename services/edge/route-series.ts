/** Requests of one route with one method that ended alike. A plain number: only a scrape makes labels of it. */
export interface Series {
  readonly method: string;
  readonly status: string;
  requests: number;
  /** Monotonic, milliseconds. */
  usedAt: number;
}

/** What is counted of one route. */
export interface RouteFigures {
  readonly route: string;
  readonly time: { observe(seconds: number): void };
  /** A handful: found by looking through them, which costs less than making one text of route, method and status. */
  series: Series[];
}

/** Series that are kept, and the route that stands for those that find no room. No template holds a parenthesis. */
const most = 4_000;
const otherRoutes = '(other)';
/** A series may be forgotten for another one after so much time without use, and looking for such ones is dear. */
const forgottenAfterMs = 10_000;

export interface TimeLabels {
  labels(route: string): { observe(seconds: number): void };
  remove(route: string): void;
}

/**
 * The figures of routes, a bounded number: those that nobody uses any more make room for new ones, and where all are in
 * use, further routes are counted together.
 */
export class RouteSeries {
  readonly #routes = new Map<string, RouteFigures>();
  readonly #times: TimeLabels;
  #size = 0;
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(times: TimeLabels) {
    this.#times = times;
  }

  get size(): number {
    return this.#size;
  }

  figures(): IterableIterator<RouteFigures> {
    return this.#routes.values();
  }

  /** Counts a request that took `seconds`; `now` is monotonic, milliseconds. */
  count(route: string, method: string, status: string, seconds: number, now: number): void {
    const figures = this.#routes.get(route);
    if (figures !== undefined) {
      for (const series of figures.series)
        if (series.status === status && series.method === method) return use(figures, series, seconds, now);
    }
    if (this.#size >= most && route !== otherRoutes && !this.#forget(now))
      return this.count(otherRoutes, method, status, seconds, now);
    // Forgetting may have taken the route's own figures.
    const kept = this.#routes.get(route) ?? this.#add(route);
    const series: Series = { method, status, requests: 0, usedAt: 0 };
    kept.series.push(series);
    this.#size++;
    return use(kept, series, seconds, now);
  }

  #add(route: string): RouteFigures {
    const figures: RouteFigures = { route, time: this.#times.labels(route), series: [] };
    this.#routes.set(route, figures);
    return figures;
  }

  /** Drops the tenth that was not used for the longest time: a tenth, so that it is rare. False where all are in use. */
  #forget(now: number): boolean {
    if (now - this.#lookedAt < forgottenAfterMs) return false;
    this.#lookedAt = now;
    const times = [...this.#routes.values()]
      .flatMap(({ series }) => series.map(({ usedAt }) => usedAt))
      .sort((a, b) => a - b);
    const until = Math.min(times[most / 10] as number, now - forgottenAfterMs);
    const before = this.#size;
    for (const figures of this.#routes.values()) {
      const kept = figures.series.filter(({ usedAt }) => usedAt > until);
      this.#size -= figures.series.length - kept.length;
      figures.series = kept;
      if (kept.length > 0) continue;
      this.#routes.delete(figures.route);
      this.#times.remove(figures.route);
    }
    return this.#size < before;
  }
}

function use(figures: RouteFigures, series: Series, seconds: number, now: number): void {
  series.requests++;
  series.usedAt = now;
  figures.time.observe(seconds);
}
