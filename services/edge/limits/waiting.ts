import type { Call } from './call.ts';
import type { TokenLease } from './token-lease.ts';

/** The queues of calls, one per lease, and which leases have one. */
export class WaitingLeases {
  readonly #leases = new Set<TokenLease>();
  #calls = 0;

  get calls(): number {
    return this.#calls;
  }

  /** A copy: queues change while somebody goes through it. */
  leases(): readonly TokenLease[] {
    return this.#leases.size === 0 ? [] : [...this.#leases];
  }

  add(lease: TokenLease, call: Call): void {
    lease.waiting.push(call);
    lease.waitingCost += call.plan.cost;
    this.#leases.add(lease);
    this.#calls++;
  }

  /** Takes the first call out; it has to be there. */
  shift(lease: TokenLease): void {
    const call = lease.waiting.shift() as Call;
    lease.waitingCost -= call.plan.cost;
    this.#calls--;
    if (lease.waiting.length === 0) this.#leases.delete(lease);
  }

  takeAll(lease: TokenLease): Call[] {
    const calls = lease.waiting;
    lease.waiting = [];
    lease.waitingCost = 0;
    this.#calls -= calls.length;
    this.#leases.delete(lease);
    return calls;
  }
}
