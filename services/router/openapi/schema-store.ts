import type { Bus } from '@sluice/nats';
import { SchemaError } from '@sluice/policy/schemas';
import type { CompiledRoute, RouteSchemas, RouteTable } from '@sluice/routes';
import { readFragment, type Fragment } from './fragment.ts';

/** The schemas of an endpoint as its service has answered them. */
export interface AnnouncedSchemas {
  readonly schemas: RouteSchemas;
  /** Null where the answer does not say: JSON. */
  readonly bodyContentType: string | null;
  /** The answer's text, to see whether a later one differs. */
  readonly text: string;
}

interface Entry {
  readonly route: CompiledRoute;
  readonly fragment: Fragment | null;
  /** Null where nothing usable was answered. */
  readonly announced: AnnouncedSchemas | null;
  readonly bytes: number;
  /** Questions in a row without a usable answer. */
  readonly failures: number;
  /** When it is to be asked for again, on the clock of `now`. */
  readonly due: number;
}

/** Bounds on foreign schemas: one answer, and all of them together. */
const maxAnswerBytes = 128 * 1024;
const maxTotalBytes = 16 * 1024 * 1024;
const fetchTimeoutMs = 2_000;
const concurrency = 32;
/** After a lost or bad answer: requests are refused until there is a good one. Twice as long after each, up to the most. */
const retryMs = 500;
const mostRetryMs = 10_000;

/**
 * The endpoints' schemas, fetched from their schema subjects when the document is asked for or a request is to be
 * checked, and kept until the route
 * changes or goes; what is older than `maxAgeMs` is fetched again, because a backend can be replaced under the same
 * version. A schema that is missing or bad is reported once, left out, and asked for again soon.
 */
export class SchemaStore {
  readonly #bus: Bus;
  readonly #table: RouteTable;
  readonly #maxAgeMs: number;
  readonly #report: (problem: { route: string; detail: string }) => void;
  readonly #now: () => number;
  readonly #entries = new Map<string, Entry>();
  readonly #loading = new Map<CompiledRoute, Promise<AnnouncedSchemas | null>>();
  readonly #declaredFragments = new WeakMap<CompiledRoute, Fragment | null>();
  readonly #reported = new Map<string, string>();
  readonly #unlisten: () => void;
  #totalBytes = 0;
  #version = 0;
  #fetching: Promise<void> | undefined;
  #renewing = false;

  constructor(options: {
    bus: Bus;
    table: RouteTable;
    maxAgeMs: number;
    report: (problem: { route: string; detail: string }) => void;
    /** Milliseconds of a clock that never goes back; default that of the process. */
    now?: () => number;
  }) {
    this.#bus = options.bus;
    this.#table = options.table;
    this.#maxAgeMs = options.maxAgeMs;
    this.#report = options.report;
    this.#now = options.now ?? (() => performance.now());
    this.#unlisten = options.table.onChange(({ removed }) => {
      for (const id of removed) {
        this.#drop(id);
        this.#reported.delete(id);
      }
    });
  }

  /** What is known of a route; null when it has no schema that can be shown. */
  fragment(route: CompiledRoute): Fragment | null {
    if (route.schemas !== null) return this.#declared(route);
    return this.#entries.get(route.id)?.fragment ?? null;
  }

  /**
   * The schemas of a route as they are known here, at once; what is old is asked for again meanwhile. Undefined where
   * they are to be loaded: nothing has been asked for yet, or nothing usable was answered and it is time to ask again.
   * Null where that was a moment ago.
   */
  announced(route: CompiledRoute): AnnouncedSchemas | null | undefined {
    const entry = this.#entries.get(route.id);
    if (entry?.route !== route) return undefined;
    if (entry.due <= this.#now()) {
      // Without schemas the request can only be refused: it waits for the answer instead.
      if (entry.announced === null) return undefined;
      void this.load(route);
    }
    return entry.announced;
  }

  /** Asks for the schemas of a route; callers share one question. Null where the service gave nothing usable. */
  load(route: CompiledRoute): Promise<AnnouncedSchemas | null> {
    const loading = this.#loading.get(route);
    if (loading) return loading;
    const asked = this.#fetch(route).finally(() => this.#loading.delete(route));
    this.#loading.set(route, asked);
    return asked;
  }

  /** Changes with every fragment that is fetched or dropped. */
  get version(): number {
    return this.#version;
  }

  /** Routes whose schema subject gave nothing usable. */
  get problems(): number {
    return this.#reported.size;
  }

  /**
   * Fetches what has never been asked for, and resolves when that is done. What is only old is asked for again without
   * anybody waiting: a backend that does not answer would make every document slow. Callers share one run of each.
   */
  refresh(): Promise<void> {
    const now = this.#now();
    const missing: CompiledRoute[] = [];
    const old: CompiledRoute[] = [];
    for (const route of this.#table.routes()) {
      if (route.schemaSubject === null) continue;
      const entry = this.#entries.get(route.id);
      if (entry?.route !== route) missing.push(route);
      else if (entry.due <= now) old.push(route);
    }
    if (old.length > 0 && !this.#renewing) {
      this.#renewing = true;
      void this.#fetchAll(old).finally(() => (this.#renewing = false));
    }
    if (missing.length > 0)
      this.#fetching ??= this.#fetchAll(missing).finally(() => (this.#fetching = undefined));
    return this.#fetching ?? Promise.resolve();
  }

  stop(): void {
    this.#unlisten();
  }

  /** The table gives a changed route as a new object, so what is known of one never changes. */
  #declared(route: CompiledRoute): Fragment | null {
    const known = this.#declaredFragments.get(route);
    if (known !== undefined) return known;
    let fragment: Fragment | null = null;
    try {
      fragment = readFragment(route, route.schemas);
    } catch (error) {
      if (!(error instanceof SchemaError)) throw error;
      this.#tell(route.id, error.message);
    }
    this.#declaredFragments.set(route, fragment);
    return fragment;
  }

  async #fetchAll(routes: readonly CompiledRoute[]): Promise<void> {
    const next = routes.values();
    const worker = async (): Promise<void> => {
      for (const route of next) await this.load(route);
    };
    await Promise.all(Array.from({ length: Math.min(concurrency, routes.length) }, worker));
  }

  async #fetch(route: CompiledRoute): Promise<AnnouncedSchemas | null> {
    try {
      const deadline = Date.now() + fetchTimeoutMs;
      const answer = await this.#bus.request(route.schemaSubject as string, '', { deadline });
      const bytes = answer.data.length;
      if (bytes > maxAnswerBytes) throw new SchemaError(`the answer is larger than ${maxAnswerBytes} bytes`);
      const held = this.#entries.get(route.id)?.bytes ?? 0;
      if (this.#totalBytes - held + bytes > maxTotalBytes)
        throw new SchemaError(`all schemas together are larger than ${maxTotalBytes} bytes`);
      const document: unknown = answer.json();
      const fragment = readFragment(route, document);
      const announced = announcedIn(document as Record<string, unknown>, answer.text());
      if (this.#gone(route)) return announced;
      this.#reported.delete(route.id);
      this.#keep({ route, fragment, announced, bytes, failures: 0, due: this.#now() + this.#maxAgeMs });
      return announced;
    } catch (error) {
      if (this.#gone(route)) return null;
      return this.#failed(route, error);
    }
  }

  /** The route may go, or become another one of its id, while its schema is on the way. */
  #gone(route: CompiledRoute): boolean {
    return this.#table.get(route.id) !== route;
  }

  #failed(route: CompiledRoute, error: unknown): AnnouncedSchemas | null {
    const last = this.#entries.get(route.id);
    const before = last?.route === route ? last : undefined;
    const failures = (before?.failures ?? 0) + 1;
    const wait = Math.min(retryMs * 2 ** (failures - 1), mostRetryMs, this.#maxAgeMs);
    const due = this.#now() + wait;
    // A backend that is too busy to answer keeps the schemas it had.
    if (before !== undefined && before.announced !== null && !(error instanceof SchemaError)) {
      this.#entries.set(route.id, { ...before, failures, due });
      return before.announced;
    }
    this.#tell(route.id, error instanceof Error ? error.message : String(error));
    this.#keep({ route, fragment: null, announced: null, bytes: 0, failures, due });
    return null;
  }

  #keep(entry: Entry): void {
    this.#drop(entry.route.id);
    this.#entries.set(entry.route.id, entry);
    this.#totalBytes += entry.bytes;
    this.#version++;
  }

  #drop(id: string): void {
    this.#totalBytes -= this.#entries.get(id)?.bytes ?? 0;
    if (this.#entries.delete(id)) this.#version++;
  }

  #tell(id: string, detail: string): void {
    if (this.#reported.get(id) === detail) return;
    this.#reported.set(id, detail);
    this.#report({ route: id, detail });
  }
}

function announcedIn(document: Record<string, unknown>, text: string): AnnouncedSchemas {
  const { params, query, headers, body, bodyContentType } = document;
  return {
    schemas: { params, query, headers, body },
    bodyContentType: typeof bodyContentType === 'string' ? bodyContentType : null,
    text,
  };
}
