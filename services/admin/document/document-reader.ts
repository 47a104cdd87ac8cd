import { Worker } from 'node:worker_threads';
import { SluiceError } from '@sluice/errors';
import { readDocumentText, refusedDocument, type DocumentFormat, type ReadDocument } from './read-text.ts';
import type { Reading } from './reading-thread.ts';

/** Texts up to this many characters are read at once: a few milliseconds. */
const shortText = 16 * 1024;
/** Larger ones wait for each other; more than this many are refused. */
const mostWaiting = 16;

export interface DocumentReaderOptions {
  /** How long the reading of one document may take, milliseconds. */
  readonly limitMs?: number;
}

/**
 * Reads documents that people send. Long ones are read in a thread of its own, within a bounded time and a bounded
 * memory: whoever may look at the gateway may have a document checked, and must not stop the control API with one.
 */
export class DocumentReader {
  readonly #limitMs: number;
  #thread: Worker | null = null;
  #tail: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor({ limitMs = 8_000 }: DocumentReaderOptions = {}) {
    this.#limitMs = limitMs;
  }

  /** Rejects with SluiceError `unavailable` when too many documents wait to be read. */
  async read(text: string, format: DocumentFormat): Promise<ReadDocument> {
    if (text.length <= shortText) return readDocumentText(text, format);
    if (this.#waiting >= mostWaiting)
      throw new SluiceError('unavailable', 'Too many documents are being read at the moment.');
    this.#waiting += 1;
    const reading = this.#tail.then(() => this.#readApart({ text, format }));
    this.#tail = reading.finally(() => (this.#waiting -= 1)).catch(() => {});
    return reading;
  }

  #readApart(reading: Reading): Promise<ReadDocument> {
    const thread = (this.#thread ??= startThread());
    const { promise, resolve } = Promise.withResolvers<ReadDocument>();
    const giveUp = (message: string): void => {
      this.#thread = null;
      void thread.terminate();
      resolve(refusedDocument([{ path: [], message, hint: 'break it into less, or less deep, parts' }]));
    };
    const timer = setTimeout(() => giveUp('takes too long to be read'), this.#limitMs);
    // The memory that a thread may use is bounded: beyond it the thread ends with an error.
    const failed = (): void => giveUp('takes too much memory to be read');
    thread.on('message', resolve).on('error', failed);
    thread.postMessage(reading, []);
    return promise.finally(() => {
      clearTimeout(timer);
      thread.off('message', resolve).off('error', failed);
    });
  }
}

function startThread(): Worker {
  const thread = new Worker(new URL('./reading-thread.ts', import.meta.url), {
    resourceLimits: { maxOldGenerationSizeMb: 512 },
  });
  // An error while nobody waits: the next reading will tell.
  thread.on('error', () => {});
  // It has nothing of its own to finish.
  thread.unref();
  return thread;
}
