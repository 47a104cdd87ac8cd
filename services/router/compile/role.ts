import { holdLease, type Bus, type Lease } from '@sluice/nats';
import { Compiler, type CompilerOptions } from './compiler.ts';

/** How long the table stands still after the compiling replica was killed. */
const leaseMs = 4_000;
/** A replica that was found stale leaves the role to others for a moment. */
const backOffMs = 1_000;

export interface RoleOptions extends Omit<CompilerOptions, 'onStale'> {
  /** Who this replica is, for people who look at the lease. */
  readonly holder: string;
  readonly replicas: number;
  readonly onLeading: (leading: boolean) => void;
}

/** The role `router.compiler`: one replica at a time compiles the table, the others stand by. */
export class CompilerRole {
  readonly #options: RoleOptions;
  readonly #bus: Bus;
  #lease: Lease | undefined;
  #compiler: Compiler | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: RoleOptions) {
    this.#options = options;
    this.#bus = options.bus;
  }

  /** Resolves when the first try for the lease is over. */
  async start(): Promise<void> {
    const { holder, replicas } = this.#options;
    const lease = await holdLease(
      this.#bus,
      { name: 'router.compiler', ttlMs: leaseMs, holder, replicas },
      { onAcquired: () => this.#lead(), onLost: () => this.#follow() },
    );
    if (this.#stopped) return lease.release();
    this.#lease = lease;
    return undefined;
  }

  /** Gives the role up, after the last write under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#lease?.release();
  }

  async #lead(): Promise<void> {
    const compiler = new Compiler({ ...this.#options, onStale: () => void this.#stepDown() });
    this.#compiler = compiler;
    this.#options.onLeading(true);
    await compiler.start();
  }

  async #follow(): Promise<void> {
    const compiler = this.#compiler;
    this.#compiler = undefined;
    if (!compiler) return;
    this.#options.onLeading(false);
    await compiler.stop();
  }

  async #stepDown(): Promise<void> {
    this.#options.onEvent({
      kind: 'trouble',
      detail: 'somebody else has written the route table: giving up the role of its compiler',
    });
    await this.#lease?.release();
    this.#lease = undefined;
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.start().catch((error: unknown) =>
        this.#options.onEvent({ kind: 'trouble', detail: 'cannot try for the lease', error }),
      );
    }, backOffMs);
  }
}
