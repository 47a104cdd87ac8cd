import { liveStream, liveStreamName } from '@sluice/live';
import { ensureStream, isBusError, streamState, type Bus } from '@sluice/nats';

const checkMs = 5_000;

export interface LiveWatchOptions {
  readonly bus: Bus;
  readonly replicas: number;
  readonly history: number;
  readonly maxBytes: number;
}

/** The live stream is memory: after a loss it is another one with the same name, told apart by when it was made. */
export class LiveWatch {
  /** Called when the stream may be gone or another one. */
  onSuspicion: () => void = () => {};
  readonly #options: LiveWatchOptions;
  readonly #timer: NodeJS.Timeout;
  readonly #stopListening: () => void;
  #createdMs: number;

  private constructor(options: LiveWatchOptions, createdMs: number) {
    this.#options = options;
    this.#createdMs = createdMs;
    this.#timer = setInterval(() => void this.#check(), checkMs);
    this.#timer.unref();
    this.#stopListening = options.bus.onStatus((status) => {
      if (status === 'connected') this.onSuspicion();
    });
  }

  /** Makes the stream if it is missing. */
  static async start(options: LiveWatchOptions): Promise<LiveWatch> {
    return new LiveWatch(options, await ensured(options));
  }

  /** Makes the stream if it is missing; true when it is another one than it was. */
  async renew(): Promise<boolean> {
    const createdMs = await ensured(this.#options);
    const renewed = createdMs !== this.#createdMs;
    this.#createdMs = createdMs;
    return renewed;
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#stopListening();
  }

  async #check(): Promise<void> {
    const { bus } = this.#options;
    if (!bus.connected) return;
    try {
      const { createdMs } = await streamState(bus, liveStreamName);
      if (createdMs !== this.#createdMs) this.onSuspicion();
    } catch (error) {
      if (isBusError(error, 'rejected')) this.onSuspicion();
    }
  }
}

async function ensured({ bus, replicas, history, maxBytes }: LiveWatchOptions): Promise<number> {
  await ensureStream(bus, liveStream(replicas, history, maxBytes));
  const { createdMs } = await streamState(bus, liveStreamName);
  return createdMs;
}
