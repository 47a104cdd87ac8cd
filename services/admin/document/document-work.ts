import { SluiceError } from '@sluice/errors';
import { refusedDocument, type DocumentFormat, type ReadDocument } from './read-text.ts';
import type { ChangeSummary } from './summary.ts';
import { ThreadLimitError, ThreadPool } from './thread-pool.ts';
import { perform, type Work } from './work.ts';

/** Documents up to this many characters are dealt with at once: a few milliseconds, also of the worst ones. */
const shortText = 4 * 1024;

export interface DocumentWorkOptions {
  /** How long the work on one document may take, milliseconds. */
  readonly limitMs?: number;
}

/**
 * Reads, compares and writes documents, long ones in threads: whoever may look at the gateway may have a document checked,
 * and must not hold up the control API with one. Every method rejects with SluiceError `unavailable` when too many
 * documents wait.
 */
export class DocumentWork {
  readonly #threads: ThreadPool;

  constructor({ limitMs = 8_000 }: DocumentWorkOptions = {}) {
    const script = new URL('./work-thread.ts', import.meta.url);
    this.#threads = new ThreadPool({ script, threads: 2, limitMs, mostWaiting: 16, mostWaitingOfCaller: 4 });
  }

  /** Reads and checks a text that `caller` has sent. */
  async read(caller: string, text: string, format: DocumentFormat): Promise<ReadDocument> {
    try {
      return (await this.#do(caller, text.length, { kind: 'read', text, format })) as ReadDocument;
    } catch (error) {
      if (!(error instanceof ThreadLimitError)) throw error;
      const hint = 'break it into less, or less deep, parts';
      return refusedDocument([{ path: [], message: `${error.message} to be read`, hint }]);
    }
  }

  /** What one document changes about another, the first of the changes. */
  async compare(caller: string, before: unknown, after: unknown): Promise<ChangeSummary> {
    const work = { kind: 'compare', before: JSON.stringify(before), after: JSON.stringify(after) } as const;
    const size = work.before.length + work.after.length;
    return (await this.#do(caller, size, work).catch(tooMuch)) as ChangeSummary;
  }

  /** A document as YAML. */
  async format(caller: string, input: unknown): Promise<string> {
    const json = JSON.stringify(input);
    return (await this.#do(caller, json.length, { kind: 'format', json }).catch(tooMuch)) as string;
  }

  #do(caller: string, size: number, work: Work): Promise<unknown> {
    return size <= shortText ? perform(work) : this.#threads.run(caller, work);
  }
}

function tooMuch(error: unknown): never {
  if (!(error instanceof ThreadLimitError)) throw error;
  throw new SluiceError('unavailable', `The document ${error.message}.`, { cause: error });
}
