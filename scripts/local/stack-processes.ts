import type { LogView } from './log-view.ts';
import { stopInOrder, type StackProcess } from './stop-order.ts';
import { Supervised, type ProcessPlan, type SupervisorHooks } from './supervised.ts';

/** What one rank of the stop order gets before it is killed: longer than a service's own limit, so that it may say why. */
const graceMs = 35_000;

export interface StackProcessesOptions {
  readonly view: Pick<LogView, 'say'>;
  /** Told when one of them begins, ends or becomes ready. */
  readonly onChange: () => void;
  /** Aborted when the stack stops: what is supervised from then on is ended as soon as it exists. */
  readonly signal: AbortSignal;
}

/** The processes of a stack, from the first that is started to the last that is stopped. */
export class StackProcesses {
  readonly #options: StackProcessesOptions;
  readonly #hooks: SupervisorHooks;
  readonly #supervised: Supervised<unknown>[] = [];
  #hurried = false;

  constructor(options: StackProcessesOptions) {
    const { view, onChange } = options;
    this.#options = options;
    this.#hooks = { changed: onChange, say: (...said) => view.say(...said) };
  }

  /** Those that exist now. */
  get running(): StackProcess[] {
    return this.#supervised.flatMap(({ process }) => (process === undefined ? [] : [process]));
  }

  /** Takes a process in; whoever asked for it starts it. */
  supervise<Ready>(plan: ProcessPlan<Ready>): Supervised<Ready> {
    const supervised = new Supervised(plan, this.#hooks);
    if (this.#options.signal.aborted) supervised.expectEnd();
    this.#supervised.push(supervised);
    return supervised;
  }

  /** Ends all of them in order. To be called after the signal was aborted. */
  async stop(): Promise<void> {
    for (const supervised of this.#supervised) supervised.expectEnd();
    // Twice: a start that is interrupted may have been about to spawn one more.
    for (let round = 0; round < 2; round += 1) {
      await stopInOrder(this.running, {
        graceMs,
        hurried: () => this.#hurried,
        onKilled: ({ name }) => this.#options.view.say(name, 'warn', 'did not end in time and was killed'),
      });
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Ends what is left at once, now or when it is stopped. */
  hurry(): void {
    this.#hurried = true;
  }
}
