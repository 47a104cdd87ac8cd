/** A channel whose events are whole states. */
interface State {
  readonly channel: string;
  readonly everyMs: number;
  /** Texts of the present state, oldest first; usually one. */
  readonly render: () => readonly string[];
  /** What was published last, so that nothing is published twice. */
  text: string | undefined;
  /** What the stream has confirmed last: published is not stored. */
  stored: string | undefined;
  at: number;
}

export interface ConflatorOptions {
  /** `id`: it must arrive, and is told by it from its repetition. Without one a newer state takes its place. */
  readonly publish: (channel: string, text: string, id?: string) => void;
  /** Milliseconds between looks at what is due; default 25. */
  readonly tickMs?: number;
}

/**
 * Paces the channels that carry states: the first change goes out at once, then at most one state per interval while
 * changes come, and always the last one when they end.
 */
export class Conflator {
  readonly #options: ConflatorOptions;
  readonly #states = new Map<string, State>();
  readonly #changed = new Set<State>();
  #timer: NodeJS.Timeout | undefined;
  #paused = true;
  #stopped = false;

  constructor(options: ConflatorOptions) {
    this.#options = options;
  }

  /** Declares a channel. `text`: what is known to be published already. */
  declare(channel: string, everyMs: number, render: () => readonly string[], text?: string): void {
    this.#states.set(channel, { channel, everyMs, render, text, stored: text, at: Number.NEGATIVE_INFINITY });
  }

  /** The state of a channel changed; it goes out with the next `flush` when its interval is over, or with a later one. */
  touch(channel: string): void {
    const state = this.#states.get(channel);
    if (!state || this.#stopped) return;
    this.#changed.add(state);
    this.#plan();
  }

  /**
   * A state that must go out whatever the pace, and arrive: the last one of a candle. Nothing renders it any more, so what
   * was published and is not yet stored does not count: that can still get lost.
   */
  final(channel: string, text: string, id: string): void {
    const state = this.#states.get(channel);
    if (!state || state.stored === text) return;
    state.text = text;
    this.#options.publish(channel, text, id);
  }

  /** The stream has stored this text as the newest of the channel. */
  stored(channel: string, text: string): void {
    const state = this.#states.get(channel);
    if (state) state.stored = text;
  }

  /** Publishes what is due. */
  flush(): void {
    if (this.#paused || this.#stopped) return;
    const now = performance.now();
    for (const state of this.#changed) {
      if (now - state.at < state.everyMs) continue;
      this.#changed.delete(state);
      state.at = now;
      this.#emit(state, state.render());
    }
    if (this.#changed.size === 0) this.#rest();
  }

  /** Publishes every change at once. */
  drain(): void {
    if (this.#paused || this.#stopped) return;
    for (const state of this.#changed) this.#emit(state, state.render());
    this.#changed.clear();
  }

  /** While it is paused changes only gather. It begins paused. */
  resume(): void {
    this.#paused = false;
    this.flush();
    this.#plan();
  }

  /** Nothing of what was published is there any more, or not for certain: every state goes out again. */
  forget(channel?: string): void {
    const only = channel === undefined ? undefined : this.#states.get(channel);
    const forgotten = channel === undefined ? this.#states.values() : only ? [only] : [];
    for (const state of forgotten) {
      state.text = undefined;
      state.stored = undefined;
      this.#changed.add(state);
    }
    this.#plan();
  }

  stop(): void {
    this.#stopped = true;
    this.#rest();
  }

  #emit(state: State, texts: readonly string[]): void {
    for (const text of texts) {
      if (text === state.text) continue;
      state.text = text;
      this.#options.publish(state.channel, text);
    }
  }

  #plan(): void {
    if (this.#timer || this.#paused || this.#stopped || this.#changed.size === 0) return;
    this.#timer = setInterval(() => this.flush(), this.#options.tickMs ?? 25);
  }

  #rest(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
