/**
 * How a request ended at the router: `ok` (the backend answered, whatever its status), `refused` (the request itself
 * was at fault), `unavailable`, `timeout`, `bad_response` (the backend's answer was none), `error` (our fault).
 */
export const outcomes = ['ok', 'refused', 'unavailable', 'timeout', 'bad_response', 'error'] as const;
export type Outcome = (typeof outcomes)[number];

/** Counters of one route. Plain numbers: a request adds one, and only a scrape of the metrics makes labels of them. */
export type RouteCounters = Record<Outcome, number> & { upstreamSeconds: number };

/**
 * Counters per route, made at a route's first request and dropped with the route, so that routes that come and go leave
 * neither memory nor metric labels behind.
 */
export class Traffic {
  readonly #routes = new Map<string, RouteCounters>();
  /** Requests that never found a route. */
  readonly unrouted: RouteCounters = newCounters();

  of(id: string): RouteCounters {
    let counters = this.#routes.get(id);
    if (!counters) this.#routes.set(id, (counters = newCounters()));
    return counters;
  }

  forget(id: string): void {
    this.#routes.delete(id);
  }

  entries(): IterableIterator<[string, RouteCounters]> {
    return this.#routes.entries();
  }
}

function newCounters(): RouteCounters {
  return { ok: 0, refused: 0, unavailable: 0, timeout: 0, bad_response: 0, error: 0, upstreamSeconds: 0 };
}
