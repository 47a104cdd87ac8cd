import { SluiceError } from '@sluice/errors';
import type { Bus } from '@sluice/nats';
import {
  applyDocument,
  DocumentError,
  DocumentTooLargeError,
  openConfigBucket,
  readCurrent,
  readRevision,
  RevisionConflictError,
  type LoadedAs,
} from '@sluice/policy';
import type { Actor } from '../access.ts';
import type { AuditLog } from '../audit/log.ts';
import { preconditionFailed } from '../http/precondition.ts';
import { invalidDocument } from './input.ts';
import { faultErrors } from './read-text.ts';
import type { DocumentWork } from './document-work.ts';
import { sides, type ChangeSummary } from './summary.ts';
import { documentWarnings, fileWarnings, type Warning } from './warnings.ts';

/** The document as it stands. `revision` is 0, and the document empty, before anything was applied. */
export interface Present {
  readonly revision: number;
  readonly input: unknown;
  /** The file that routers loaded last; null: none. */
  readonly file: LoadedAs | null;
}

/** A document that is to become the present one. */
export interface Edit {
  readonly who: Actor;
  readonly requestId: string;
  readonly action: 'document.apply' | 'document.rollback';
  readonly input: unknown;
  readonly comment: string | null;
}

export interface Edited {
  readonly revision: number;
  readonly changes: ChangeSummary;
  readonly warnings: readonly Warning[];
}

/** Reads and changes the stored document. Throws SluiceError and BusError. */
export class DocumentEditor {
  readonly #bus: Bus;
  readonly #audit: AuditLog;
  readonly #work: DocumentWork;

  constructor(bus: Bus, audit: AuditLog, work: DocumentWork) {
    this.#bus = bus;
    this.#audit = audit;
    this.#work = work;
  }

  async present(): Promise<Present> {
    try {
      const current = await readCurrent(this.#bus);
      return current === null
        ? { revision: 0, input: {}, file: null }
        : { revision: current.revision, input: current.document, file: current.file };
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      // Damaged by hand: it cannot be shown, and can be replaced.
      const entry = await (await openConfigBucket(this.#bus)).get('gateway');
      return { revision: entry?.revision ?? 0, input: {}, file: null };
    }
  }

  /** The document of an earlier revision. Throws SluiceError `not_found`, and `unprocessable` for a damaged one. */
  async revision(revision: number): Promise<unknown> {
    let found: { readonly document: unknown } | null;
    try {
      found = await readRevision(this.#bus, revision);
    } catch (cause) {
      if (!(cause instanceof TypeError)) throw cause;
      throw new SluiceError('unprocessable', `Revision ${revision} is damaged and cannot be read.`, {
        cause,
      });
    }
    if (found === null) throw new SluiceError('not_found', `Revision ${revision} is not kept.`);
    return found.document;
  }

  /** What would change if `input` became the document in the place of `present`. */
  async compare(who: Actor, input: unknown, present: Present): Promise<Edited> {
    const [changes, warnings] = await Promise.all([
      this.#work.compare(who.subject, present.input, input),
      documentWarnings(this.#bus, present.input, input),
    ]);
    return {
      revision: present.revision,
      changes,
      warnings: changes.total === 0 ? warnings : [...warnings, ...fileWarnings(present.file)],
    };
  }

  /**
   * Makes `edit`, whose document has been checked, the document in the place of `present`, which the caller has compared
   * with what its client knows.
   */
  async apply(edit: Edit, present: Present): Promise<Edited> {
    const compared = await this.compare(edit.who, edit.input, present);
    if (compared.changes.total === 0 && present.revision > 0) return compared;
    const { before, after } = sides(compared.changes, present.revision);
    const { who, action, requestId, comment } = edit;
    const made = await this.#audit.change(
      { who, action, target: 'document', before, after, comment, requestId },
      () => this.#write(edit, present.revision),
    );
    return { ...compared, revision: made.revision };
  }

  async #write({ input, who, comment }: Edit, expectedRevision: number): Promise<{ revision: number }> {
    try {
      return await applyDocument(this.#bus, input, { expectedRevision, author: who.subject, comment });
    } catch (error) {
      if (error instanceof RevisionConflictError) throw preconditionFailed(error);
      if (error instanceof DocumentError) throw invalidDocument(faultErrors(error.faults));
      if (error instanceof DocumentTooLargeError)
        throw new SluiceError('body_too_large', 'The document is larger than can be stored.', {
          cause: error,
        });
      throw error;
    }
  }
}
