import { randomUUID } from 'node:crypto';
import { SluiceError } from '@sluice/errors';
import { isBusError, publishStored, type Bus } from '@sluice/nats';
import type { Actor } from '../access.ts';
import type { Metrics } from '../metrics.ts';
import { redacted, type AuditEntry, type AuditOutcome } from './entry.ts';
import { entrySubject, outcomeSubject } from './stream.ts';

/** A change that is about to be made. Secrets are taken out of `before` and `after` here. */
export interface Change {
  readonly who: Actor;
  readonly action: string;
  readonly target: string;
  readonly before: unknown;
  readonly after: unknown;
  readonly comment?: string | null;
  readonly requestId: string;
}

/** What making a change gives: its revision, or null where it has none. */
export interface Made {
  readonly revision: number | null;
}

export interface AuditLogOptions {
  readonly metrics: Metrics;
  /** Told of an outcome that could not be written; for the log. */
  readonly report: (detail: string, error: unknown) => void;
}

/** How long one entry may take. */
const writeMs = 3_000;

/**
 * The audit log. An entry is on disk before its change is tried, so no change is ever made without one; what became of
 * it follows in a second message. When that one is missing, because the process or NATS ended in between, readers see
 * `unknown`: the log may name a change that was not made, and never misses one that was.
 */
export class AuditLog {
  readonly #bus: Bus;
  readonly #options: AuditLogOptions;

  constructor(bus: Bus, options: AuditLogOptions) {
    this.#bus = bus;
    this.#options = options;
  }

  /**
   * Makes the change between its two messages. A change of several steps calls `begun` after the first: from then on it
   * cannot be said of it that nothing was changed. Throws SluiceError `unavailable` where no entry could be written, and
   * what `make` throws.
   */
  async change<T extends Made>(change: Change, make: (begun: () => void) => Promise<T>): Promise<T> {
    const id = await this.#begin(change);
    let begun = false;
    try {
      const made = await make(() => (begun = true));
      await this.#end(change.action, { id, at: Date.now(), outcome: 'made', revision: made.revision });
      return made;
    } catch (error) {
      const outcome = !begun && isRefusal(error) ? 'refused' : 'unknown';
      await this.#end(change.action, { id, at: Date.now(), outcome, revision: null });
      throw error;
    }
  }

  async #begin(change: Change): Promise<string> {
    const entry: AuditEntry = {
      id: randomUUID(),
      at: Date.now(),
      who: change.who,
      action: change.action,
      target: change.target,
      before: redacted(change.before ?? null),
      after: redacted(change.after ?? null),
      comment: change.comment ?? null,
      request_id: change.requestId,
    };
    try {
      await this.#write(entrySubject(entry.action, entry.id), entry.id, entry);
    } catch (cause) {
      this.#options.metrics.changes.inc({ action: change.action, outcome: 'not_audited' });
      throw new SluiceError('unavailable', 'The audit log cannot be written: nothing was changed.', {
        cause,
      });
    }
    return entry.id;
  }

  async #end(action: string, outcome: AuditOutcome): Promise<void> {
    this.#options.metrics.changes.inc({ action, outcome: outcome.outcome });
    try {
      await this.#write(outcomeSubject(outcome.id), `${outcome.id}.outcome`, outcome);
    } catch (error) {
      // The entry is there and says `unknown`; the change itself must not fail for this.
      this.#options.report(`the outcome of the change ${outcome.id} could not be written`, error);
    }
  }

  async #write(subject: string, msgId: string, value: AuditEntry | AuditOutcome): Promise<void> {
    await publishStored(this.#bus, subject, JSON.stringify(value), { msgId, deadline: Date.now() + writeMs });
  }
}

/** Whether it is certain that nothing was changed. */
function isRefusal(error: unknown): boolean {
  return error instanceof SluiceError ? error.status < 500 : isBusError(error, 'rejected');
}
