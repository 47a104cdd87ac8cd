import { openBucket, type Bucket, type Bus } from '@sluice/nats';
import { keyUsageBucket } from '@sluice/policy';

/** A key is written down at most this often, and what has gathered leaves this often. */
const noteMs = 60_000;
const flushMs = 2_000;
/** Writes on their way together, and keys that wait; more are noted at their next use. */
const atOnce = 256;
const mostWaiting = 100_000;

/** Writes down when keys were last used, without anybody waiting for it. */
export class KeyUsage {
  readonly #bucket: Bucket;
  readonly #report: (detail: string, error?: unknown) => void;
  readonly #waiting = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;
  #flushing: Promise<void> = Promise.resolve();

  private constructor(bucket: Bucket, report: (detail: string, error?: unknown) => void) {
    this.#bucket = bucket;
    this.#report = report;
    this.#timer = setInterval(() => void this.#flush(), flushMs);
    this.#timer.unref();
  }

  static async open(options: {
    bus: Bus;
    replicas: number;
    report: (detail: string, error?: unknown) => void;
  }): Promise<KeyUsage> {
    const bucket = await openBucket(options.bus, { name: keyUsageBucket, replicas: options.replicas });
    return new KeyUsage(bucket, options.report);
  }

  /** Gives the time from which on the next use is worth a note again. */
  note(id: string, now: number): number {
    if (this.#waiting.size < mostWaiting) this.#waiting.set(id, now);
    return now + noteMs;
  }

  /** Writes what waits; resolves when it is stored, or could not be. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#flush();
  }

  #flush(): Promise<void> {
    this.#flushing = this.#flushing.then(() => this.#write());
    return this.#flushing;
  }

  async #write(): Promise<void> {
    const notes = [...this.#waiting];
    this.#waiting.clear();
    for (let at = 0; at < notes.length; at += atOnce) {
      try {
        await Promise.all(notes.slice(at, at + atOnce).map(([id, ms]) => this.#bucket.put(id, String(ms))));
      } catch (error) {
        // Nothing depends on it, and the keys that are in use will be noted again.
        this.#report('times of last use could not be written', error);
        return;
      }
    }
  }
}
