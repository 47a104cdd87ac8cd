import { isBusError, type Bucket, type Bus } from '@sluice/nats';
import type { DocumentFollower } from '@sluice/policy';
import { ServicePoller, type Discovery } from '../discovery/poller.ts';
import { compileTable } from './compile.ts';
import { diffTable, type TableWrite } from './diff.ts';
import { RoutePolicies } from './route-policies.ts';
import { StoredTable } from './stored-table.ts';

export interface CompilerOptions {
  readonly bus: Bus;
  /** KV `routes`. */
  readonly routes: Bucket;
  /** What people wrote. */
  readonly document: DocumentFollower;
  readonly pollMs: number;
  readonly defaultTimeoutMs: number;
  readonly onEvent: (event: CompilerEvent) => void;
  /** Another compiler has written: this one has lost the role without knowing and has stopped. */
  readonly onStale: () => void;
}

export type CompilerEvent =
  | { readonly kind: 'written'; readonly writes: readonly TableWrite[] }
  | { readonly kind: 'compiled'; readonly seconds: number; readonly problems: number }
  | { readonly kind: 'trouble'; readonly detail: string; readonly error?: unknown };

/** Changes come in bursts (a rollout, a thousand routes): the table is compiled once per burst. */
const gatherMs = 50;
const retryMs = 1_000;
/** Writes under way at once. */
const writeConcurrency = 128;

/**
 * The compiler while this replica has the role: follows what people declared and what services announce, compiles, and
 * writes the differences, each against the revision it saw. Every change of the inputs, and of the table itself, leads
 * to another look, so the table heals whatever was done to it.
 */
export class Compiler {
  readonly #options: CompilerOptions;
  readonly #stored: StoredTable;
  readonly #poller: ServicePoller;
  #policies: RoutePolicies | undefined;
  #unfollow: () => void = () => {};
  #discovery: Discovery | undefined;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #again = false;
  #stopped = false;

  constructor(options: CompilerOptions) {
    this.#options = options;
    this.#stored = new StoredTable(options.routes, () => this.#schedule(gatherMs));
    this.#poller = new ServicePoller({
      bus: options.bus,
      intervalMs: options.pollMs,
      onChange: (discovery) => {
        this.#discovery = discovery;
        this.#schedule(gatherMs);
      },
      report: (detail, error) => options.onEvent({ kind: 'trouble', detail, error }),
    });
  }

  async start(): Promise<void> {
    this.#poller.start();
    await this.#stored.start();
    const { document } = this.#options;
    this.#unfollow = document.onChange(() => this.#readDocument());
    if (document.ready) this.#readDocument();
    else void document.loaded.then(() => this.#readDocument());
    // A stop that came during the start has found nothing to end yet.
    if (this.#stopped) this.#end();
  }

  /** Resolves when nothing more is written. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#end();
    await this.#running;
  }

  #end(): void {
    clearTimeout(this.#timer);
    this.#poller.stop();
    this.#stored.stop();
    this.#unfollow();
  }

  #readDocument(): void {
    const { document, defaultTimeoutMs } = this.#options;
    this.#policies = new RoutePolicies(document.current, defaultTimeoutMs);
    this.#schedule(gatherMs);
  }

  #schedule(delayMs: number): void {
    if (this.#stopped || this.#timer) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#running) this.#again = true;
      else this.#running = this.#run();
    }, delayMs);
  }

  async #run(): Promise<void> {
    try {
      await this.#round();
    } catch (error) {
      if (isBusError(error, 'rejected') && !this.#stopped) {
        this.#stopped = true;
        this.#end();
        this.#options.onStale();
      } else if (!this.#stopped) {
        this.#options.onEvent({ kind: 'trouble', detail: 'the route table could not be written', error });
        this.#schedule(retryMs);
      }
    } finally {
      this.#running = undefined;
      if (this.#again) this.#schedule(gatherMs);
      this.#again = false;
    }
  }

  async #round(): Promise<void> {
    // Without a valid document nobody knows which routes are to go, so none goes.
    if (!this.#stored.ready || !this.#policies || !this.#discovery) return;
    const began = performance.now();
    const wanted = compileTable({
      policies: this.#policies,
      discovery: this.#discovery,
      present: this.#stored.routes,
    });
    const writes = diffTable(this.#stored.values, wanted);
    const seconds = (performance.now() - began) / 1_000;
    this.#options.onEvent({ kind: 'compiled', seconds, problems: wanted.problems.size });
    if (writes.length === 0) return;
    await this.#write(writes);
    this.#options.onEvent({ kind: 'written', writes });
    if (!(await this.#stored.reflects(writes))) this.#schedule(retryMs);
  }

  async #write(writes: readonly TableWrite[]): Promise<void> {
    for (let at = 0; at < writes.length; at += writeConcurrency) {
      if (this.#stopped) return;
      const results = await Promise.allSettled(
        writes.slice(at, at + writeConcurrency).map((write) => this.#writeOne(write)),
      );
      // All have to be over before the role is given up, so that nothing of ours is written after it.
      for (const result of results) if (result.status === 'rejected') throw result.reason;
    }
  }

  #writeOne(write: TableWrite): Promise<unknown> {
    const { routes } = this.#options;
    if (write.kind === 'delete') return routes.delete(write.key, write.revision);
    if (write.kind === 'create') return routes.create(write.key, write.text);
    return routes.update(write.key, write.text, write.revision);
  }
}
