import type { Bus, BusMessage } from '@sluice/nats';
import { parseInfo, parsePing, type ServiceInstance } from './instance.ts';

/**
 * A poll without an answer costs one life; an instance that misses three is gone. A service that is started again
 * within two seconds keeps its routes that way: callers get a 503 to retry meanwhile, never a 404.
 */
const lives = 3;
const pingWaitMs = 500;
const infoTimeoutMs = 2_000;
/** INFO requests in flight: a thousand services that start together are not asked in one burst. */
const infoConcurrency = 32;

interface Known {
  readonly id: string;
  readonly name: string;
  instance: ServiceInstance | null;
  missed: number;
  asking: boolean;
  reported: boolean;
}

/** What is known of the services out there. */
export interface Discovery {
  readonly instances: readonly ServiceInstance[];
  /** Names of services with an instance that is alive and has not told its endpoints yet. */
  readonly unknown: ReadonlySet<string>;
  /** True when whoever is not listed has had every poll to answer that an instance may miss. */
  readonly settled: boolean;
}

/**
 * Finds ADR-32 services: `$SRV.PING` every `intervalMs`, `$SRV.INFO.<name>.<id>` for instances that were not seen before.
 * `onChange` is called whenever {@link Discovery} changed. A service that hangs holds up nobody else, and while the
 * bus is away nobody is asked and nobody is declared gone.
 */
export class ServicePoller {
  readonly #bus: Bus;
  readonly #intervalMs: number;
  readonly #onChange: (discovery: Discovery) => void;
  readonly #report: (detail: string, error?: unknown) => void;
  readonly #known = new Map<string, Known>();
  readonly #queue: Known[] = [];
  #asking = 0;
  #polls = 0;
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: {
    bus: Bus;
    intervalMs: number;
    onChange: (discovery: Discovery) => void;
    report: (detail: string, error?: unknown) => void;
  }) {
    this.#bus = options.bus;
    this.#intervalMs = options.intervalMs;
    this.#onChange = options.onChange;
    this.#report = options.report;
  }

  start(): void {
    void this.#run();
  }

  stop(): void {
    this.#stopped = true;
    this.#queue.length = 0;
    clearTimeout(this.#timer);
  }

  async #run(): Promise<void> {
    const startedAt = performance.now();
    try {
      if (this.#bus.connected) await this.#poll();
    } catch (error) {
      if (this.#bus.connected && !this.#stopped) this.#report('a poll for services failed', error);
    }
    if (this.#stopped) return;
    const elapsed = performance.now() - startedAt;
    this.#timer = setTimeout(() => void this.#run(), Math.max(0, this.#intervalMs - elapsed));
    this.#timer.unref();
  }

  async #poll(): Promise<void> {
    const waitMs = Math.min(pingWaitMs, this.#intervalMs);
    const answers = await this.#bus.requestMany('$SRV.PING', '', { waitMs });
    if (this.#stopped) return;
    const seen = new Set<string>();
    for (const answer of answers) {
      const ping = parsePing(jsonOf(answer));
      if (!ping) continue;
      seen.add(ping.id);
      this.#meet(ping.id, ping.name);
    }
    const lost = this.#forget(seen);
    this.#polls++;
    if (lost || this.#polls <= lives) this.#tell();
  }

  #meet(id: string, name: string): void {
    let known = this.#known.get(id);
    if (!known) {
      known = { id, name, instance: null, missed: 0, asking: false, reported: false };
      this.#known.set(id, known);
    }
    if (known.instance || known.asking) return;
    known.asking = true;
    this.#queue.push(known);
    this.#askNext();
  }

  /** True when somebody was dropped. */
  #forget(seen: ReadonlySet<string>): boolean {
    let lost = false;
    for (const known of this.#known.values()) {
      known.missed = seen.has(known.id) ? 0 : known.missed + 1;
      if (known.missed >= lives) lost = this.#known.delete(known.id) || lost;
    }
    return lost;
  }

  #askNext(): void {
    while (this.#asking < infoConcurrency) {
      const known = this.#queue.shift();
      if (!known) return;
      this.#asking++;
      void this.#ask(known).finally(() => {
        known.asking = false;
        this.#asking--;
        this.#askNext();
      });
    }
  }

  /** Asks one instance; when it fails, the next poll puts it into the queue again. */
  async #ask(known: Known): Promise<void> {
    const { id, name } = known;
    try {
      const deadline = Date.now() + infoTimeoutMs;
      const info = parseInfo(jsonOf(await this.#bus.request(`$SRV.INFO.${name}.${id}`, '', { deadline })));
      if (info?.id !== id || info.name !== name)
        throw new TypeError('the answer is no INFO of this instance');
      if (this.#stopped || this.#known.get(id) !== known) return;
      known.instance = info;
      this.#tell();
    } catch (error) {
      if (!known.reported) this.#report(`service instance ${name}.${id} gave no INFO`, error);
      known.reported = true;
    }
  }

  #tell(): void {
    const instances: ServiceInstance[] = [];
    const unknown = new Set<string>();
    for (const known of this.#known.values()) {
      if (known.instance) instances.push(known.instance);
      else unknown.add(known.name);
    }
    this.#onChange({ instances, unknown, settled: this.#polls >= lives });
  }
}

function jsonOf(message: BusMessage): unknown {
  try {
    return message.json();
  } catch {
    return null;
  }
}
