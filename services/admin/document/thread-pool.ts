import { Worker } from 'node:worker_threads';
import { SluiceError } from '@sluice/errors';

export interface ThreadPoolOptions {
  /** The module that a thread runs: it answers each message with one {@link ThreadAnswer}. */
  readonly script: URL;
  readonly threads: number;
  /** How long one message may take, milliseconds. */
  readonly limitMs: number;
  /** Messages that wait for a thread, of everybody together and of one caller. */
  readonly mostWaiting: number;
  readonly mostWaitingOfCaller: number;
}

export type ThreadAnswer = { readonly value: unknown } | { readonly error: string };

/** A message was too much for a thread: beyond its time or its memory. */
export class ThreadLimitError extends Error {
  constructor(message: 'takes too long' | 'takes too much memory') {
    super(message);
    this.name = 'ThreadLimitError';
  }
}

interface Job {
  readonly caller: string;
  readonly message: unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Threads for work that would hold up the event loop, in a bounded time and a bounded memory. One caller has one thread at
 * a time, however much is asked: with two threads nobody's work waits for somebody else's that never ends.
 */
export class ThreadPool {
  readonly #options: ThreadPoolOptions;
  readonly #idle: Worker[] = [];
  readonly #running = new Set<Job>();
  #waiting: Job[] = [];

  constructor(options: ThreadPoolOptions) {
    this.#options = options;
  }

  /** Rejects with {@link ThreadLimitError}, and with SluiceError `unavailable` when too much waits already. */
  run(caller: string, message: unknown): Promise<unknown> {
    const own = this.#waiting.filter((job) => job.caller === caller).length;
    const { mostWaiting, mostWaitingOfCaller } = this.#options;
    if (own >= mostWaitingOfCaller || this.#waiting.length >= mostWaiting)
      return Promise.reject(
        new SluiceError('unavailable', 'Too many documents are being read at the moment.', { retryAfter: 5 }),
      );
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#waiting.push({ caller, message, resolve, reject });
    this.#start();
    return promise;
  }

  #start(): void {
    while (this.#running.size < this.#options.threads) {
      const busy = new Set([...this.#running].map(({ caller }) => caller));
      const job = this.#waiting.find(({ caller }) => !busy.has(caller));
      if (job === undefined) return;
      this.#waiting = this.#waiting.filter((each) => each !== job);
      this.#running.add(job);
      this.#give(job, this.#idle.pop() ?? startThread(this.#options.script));
    }
  }

  #give(job: Job, thread: Worker): void {
    const over = (): void => {
      clearTimeout(timer);
      thread.off('message', answered).off('error', failed);
      this.#running.delete(job);
      this.#start();
    };
    const answered = (answer: ThreadAnswer): void => {
      this.#idle.push(thread);
      if ('value' in answer) job.resolve(answer.value);
      else job.reject(new Error(answer.error));
      over();
    };
    // The memory of a thread is bounded: beyond it the thread ends with an error.
    const failed = (error: Error & { code?: string }): void => {
      const memory = error.code === 'ERR_WORKER_OUT_OF_MEMORY';
      job.reject(memory ? new ThreadLimitError('takes too much memory') : error);
      over();
    };
    const timer = setTimeout(() => {
      job.reject(new ThreadLimitError('takes too long'));
      over();
      void thread.terminate();
    }, this.#options.limitMs);
    thread.on('message', answered).on('error', failed);
    thread.postMessage(job.message, []);
  }
}

function startThread(script: URL): Worker {
  const thread = new Worker(script, { resourceLimits: { maxOldGenerationSizeMb: 512 } });
  // After it was given up nobody else listens, and an error that nobody hears would end the process.
  thread.on('error', () => {});
  // It has nothing of its own to finish.
  thread.unref();
  return thread;
}
