import type { LimitSubject } from './key-text.ts';
import type { Plan } from './plans.ts';
import type { TokenLease } from './token-lease.ts';

/** A call that cannot be decided at once. */
export interface Call {
  readonly subject: LimitSubject;
  plan: Plan;
  leases: readonly TokenLease[];
  /** Monotonic milliseconds. */
  readonly arrivedAt: number;
  /** It has waited for tokens to come back, not only for a lease; counted once. */
  queued: boolean;
  /** Times that leases were asked for because of it, since it last had to wait for tokens to come back. */
  asked: number;
  /** Whoever called has left: nothing is spent for it. */
  gone(): boolean;
  resolve(): void;
  reject(error: unknown): void;
}
