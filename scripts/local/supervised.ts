import type { ChildProcess } from 'node:child_process';
import { identify } from './process-identity.ts';
import type { StackProcess } from './stop-order.ts';

/** How one process of the stack is started; `Ready` is what it says about itself when it is ready. */
export interface ProcessPlan<Ready> {
  readonly name: string;
  readonly rank: number;
  readonly signal: NodeJS.Signals;
  /** It ends by itself when its work is done: exit code 0 is no crash. */
  readonly finishes?: boolean;
  /**
   * Starts it, hands the child over at once, and resolves when it is ready. Rejects with its last words when it ends
   * before that.
   */
  launch(onSpawn: (child: ChildProcess) => void): Promise<Ready>;
}

export interface SupervisorHooks {
  /** The list of running processes changed. */
  changed(): void;
  /** Something the person at the terminal should know. */
  say(name: string, level: 'info' | 'warn' | 'error', text: string): void;
}

const firstDelayMs = 500;
const longestDelayMs = 15_000;
/** A process that ran this long is healthy: its next crash starts the delays anew. */
const healthyMs = 60_000;

/** Keeps one process running: one that ends by itself is started again, later each time it fails soon. */
export class Supervised<Ready> {
  readonly name: string;
  readonly #plan: ProcessPlan<Ready>;
  readonly #hooks: SupervisorHooks;
  #process: StackProcess | undefined;
  #ready: Ready | undefined;
  #stopping = false;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(plan: ProcessPlan<Ready>, hooks: SupervisorHooks) {
    this.name = plan.name;
    this.#plan = plan;
    this.#hooks = hooks;
  }

  /** The running process, from the moment it exists. */
  get process(): StackProcess | undefined {
    return this.#process;
  }

  /** What it said when it became ready; undefined while it is away. */
  get ready(): Ready | undefined {
    return this.#ready;
  }

  /** First start; rejects when the process does not become ready, and does not try again. */
  async start(): Promise<Ready> {
    const startedAt = performance.now();
    const ready = await this.#launch((how) => this.#onExit(how, startedAt));
    this.#ready = ready;
    this.#hooks.changed();
    return ready;
  }

  /** From now on its end is expected. Ending it is the business of whoever stops the stack. */
  expectEnd(): void {
    this.#stopping = true;
    clearTimeout(this.#timer);
  }

  async #launch(onExit: (how: string) => void): Promise<Ready> {
    let becameReady = false;
    const ready = await this.#plan.launch((child) => {
      // Stopped between the decision to start it and now.
      if (this.#stopping) child.kill('SIGKILL');
      const { name, rank, signal } = this.#plan;
      const identity = identify(child.pid!);
      this.#process = identity && { ...identity, name, rank, signal };
      child.once('exit', (code, endedBy) => {
        this.#process = undefined;
        this.#ready = undefined;
        this.#hooks.changed();
        if (code === 0 && this.#plan.finishes === true) this.#stopping = true;
        if (becameReady) onExit(endedBy === null ? `exit code ${code}` : endedBy);
      });
      this.#hooks.changed();
    });
    becameReady = true;
    return ready;
  }

  #onExit(how: string, startedAt: number): void {
    if (this.#stopping) return;
    if (performance.now() - startedAt > healthyMs) this.#failures = 0;
    this.#restartLater(`ended by itself (${how})`);
  }

  #restartLater(reason: string): void {
    const delay = Math.min(firstDelayMs * 2 ** this.#failures, longestDelayMs);
    this.#failures += 1;
    this.#hooks.say(this.name, 'warn', `${reason}; starting it again in ${delay / 1000} s`);
    this.#timer = setTimeout(() => {
      if (this.#stopping) return;
      this.start().then(
        () => this.#hooks.say(this.name, 'info', 'runs again'),
        (error: unknown) => {
          if (!this.#stopping) this.#restartLater(`did not start: ${(error as Error).message}`);
        },
      );
    }, delay);
  }
}
