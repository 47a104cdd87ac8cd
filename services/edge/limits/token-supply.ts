import type { GiveBack, Want } from '@sluice/limits';
import type { LeaseAnswer, Leaser } from './lease-client.ts';
import type { TokenLease } from './token-lease.ts';

export interface TokenSupplyOptions {
  readonly leaser: Leaser;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Told when leases that were asked for together have what they were granted, if anything. */
  readonly onAnswer: (leases: readonly TokenLease[], now: number) => void;
  /** Told when nobody granted them anything in time. */
  readonly onFailure: (leases: readonly TokenLease[], now: number) => void;
  /** Called when `flush` has something to do from now on. */
  readonly wake: () => void;
}

/** Where leases get their tokens from, and where tokens go that are of no use here: back, many in one message. */
export class TokenSupply {
  readonly #options: TokenSupplyOptions;
  #returns: GiveBack[] = [];

  constructor(options: TokenSupplyOptions) {
    this.#options = options;
  }

  /** Whether `flush` has anything to do. */
  get returning(): boolean {
    return this.#returns.length > 0;
  }

  /**
   * Asks for tokens of all these leases in one message, for a call of this cost and those that wait. `extra`: the call
   * that causes it is not in the queues yet.
   */
  ask(leases: readonly TokenLease[], cost: number, now: number, extra = false): void {
    const wants = leases.map((lease) => {
      lease.asking = true;
      const need = lease.waiting[0]?.plan.cost ?? cost;
      return lease.want(need, lease.waitingCost + (extra ? cost : 0), now);
    });
    this.#options.leaser.ask(wants).then(
      (answer) => this.#answered(leases, wants, answer),
      () => {
        for (const lease of leases) lease.asking = false;
        this.#options.onFailure(leases, this.#options.now());
      },
    );
  }

  /** Takes tokens that are of no use here; they go back with the next `flush`. */
  giveBack(entry: GiveBack): void {
    this.#returns.push(entry);
    this.#options.wake();
  }

  /** Returns what was given back. */
  flush(): void {
    if (this.#returns.length === 0) return;
    const entries = this.#returns;
    this.#returns = [];
    this.#options.leaser.giveBack(entries);
  }

  #answered(leases: readonly TokenLease[], wants: readonly Want[], { grants, sentAt }: LeaseAnswer): void {
    const now = this.#options.now();
    leases.forEach((lease, i) => {
      const grant = grants[i] as LeaseAnswer['grants'][number];
      lease.asking = false;
      // Granted under a limit that is no longer the document's, or for a key that was forgotten and may be known anew.
      const back =
        lease.dropped || lease.meter.retired
          ? lease.refuse(grant)
          : lease.accept(grant, wants[i] as Want, sentAt, now);
      if (back !== null) this.giveBack(back);
    });
    this.#options.onAnswer(leases, now);
  }
}
