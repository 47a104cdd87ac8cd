import type { GatewayDocument } from '@sluice/policy';
import { BusError, type BusMessage, type Count, type Counters } from '@sluice/nats';
import { gatewaySchema, type GatewayInput } from '@sluice/policy';
import { plainRoute, type CompiledRoute } from '@sluice/routes';
import { LeaseClient } from '../../services/edge/limits/lease-client.ts';
import { Limiter, type LimitedCall } from '../../services/edge/limits/limiter.ts';
import { compileMeters, type Meters } from '../../services/edge/limits/meter.ts';
import { Plans } from '../../services/edge/limits/plans.ts';
import { Granter } from '../../services/ratelimit/granter.ts';
import { leaseHandler, returnHandler } from '../../services/ratelimit/lease-handler.ts';
import { ServerClock } from '../../services/ratelimit/server-clock.ts';
import { VirtualTime } from './virtual-time.ts';

/** What may go wrong, as chances per message or per second. All zero: a network that only takes its time. */
export interface Weather {
  /** Slowest ordinary message, milliseconds. */
  readonly delayMs: number;
  readonly slow: number;
  readonly loss: number;
  /** Reads that an outdated replica answers. */
  readonly stale: number;
  readonly workerKills: number;
  readonly edgeKills: number;
  readonly natsRestarts: number;
}

export const calm: Weather = {
  delayMs: 3,
  slow: 0,
  loss: 0,
  stale: 0,
  workerKills: 0,
  edgeKills: 0,
  natsRestarts: 0,
};

/** One call that was let pass. */
export interface Admission {
  /** True time, milliseconds from the start. */
  readonly at: number;
  readonly arrivedAt: number;
  readonly key: string;
  readonly cost: number;
}

export interface SimulationOptions {
  readonly seed: number;
  readonly weather: Weather;
  readonly edges: number;
  readonly workers: number;
  readonly document: GatewayInput;
  readonly route: Partial<CompiledRoute>;
  /** Keys that an edge remembers; default 1,000. */
  readonly mostKeys?: number;
  /** Time of the server at the start, milliseconds since the epoch. */
  readonly epoch?: number;
}

/** Time that an edge waits for one of its two questions. */
const patienceMs = 125;

/**
 * Edges and workers as they are, on a network, a NATS and clocks of the test's own, in virtual time. Messages take their
 * time and get lost, processes die between any two messages, every process's monotonic clock has its own rate.
 */
export class Simulation {
  readonly time: VirtualTime;
  readonly admitted: Admission[] = [];
  readonly refused: Admission[] = [];
  readonly codes = new Map<string, number>();
  /** Lease requests that reached a worker, counter additions, reads. */
  messages = 0;
  edgesStarted = 0;
  readonly #options: SimulationOptions;
  readonly #counts = new Map<string, Map<string, Count>>();
  readonly #log: { bucket: string; key: string; count: Count }[] = [];
  #seq = 0;
  #epoch: number;
  #natsUp = true;
  /** Restarts so far: what was under way when NATS went is lost. */
  #natsLife = 0;
  readonly #edges: SimEdge[] = [];
  readonly #workers: SimWorker[] = [];
  document: GatewayDocument;

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.time = new VirtualTime(options.seed);
    this.#epoch = options.epoch ?? 1_700_000_000_000;
    this.document = gatewaySchema.parse(options.document);
    for (let i = 0; i < options.workers; i++) this.#startWorker(i);
    for (let i = 0; i < options.edges; i++) this.#startEdge(i);
    this.time.every(100, () => this.#weather(0.1));
  }

  /** Sends a call to edge `i` now; it is decided sooner or later, or dies with its edge. */
  call(i: number, key: string): void {
    this.#edges[i % this.#edges.length]?.call(key);
  }

  /** Every edge follows a new document at its own moment within a second. */
  change(document: GatewayInput): void {
    this.document = gatewaySchema.parse(document);
    for (const edge of this.#edges) this.time.after(this.time.random() * 1_000, () => edge.follow());
  }

  get options(): SimulationOptions {
    return this.#options;
  }

  /** Somebody sets the clock of the server that leads. */
  setClock(byMs: number): void {
    this.#epoch += byMs;
  }

  chance(probability: number): boolean {
    return probability > 0 && this.time.random() < probability;
  }

  /** A message to somebody else: after a while, or never. */
  send(deliver: () => void): void {
    const { weather } = this.#options;
    const life = this.#natsLife;
    if (!this.#natsUp || this.chance(weather.loss)) return;
    const delay = this.time.random() * weather.delayMs * (this.chance(weather.slow) ? 60 : 1);
    this.time.after(delay, () => {
      if (this.#natsUp && life === this.#natsLife) deliver();
    });
  }

  /** A question with its answer on the way back; `undefined` is no answer. Rejects after `waitMs`. */
  ask<T>(handle: (answer: (value: T) => void) => void, waitMs: number): Promise<T> {
    return new Promise((resolve, reject) => {
      if (!this.#natsUp) return reject(new BusError('disconnected', 'not connected'));
      this.time.after(waitMs, () => reject(new BusError('timeout', 'no answer')));
      return this.send(() => handle((value) => this.send(() => resolve(value))));
    });
  }

  worker(): SimWorker | undefined {
    const alive = this.#workers.filter((worker) => worker.alive);
    return alive[Math.floor(this.time.random() * alive.length)];
  }

  /** The server's side of {@link Counters}, asked by a process with the monotonic clock `now`. */
  counters(bucket: string, alive: () => boolean, now: () => number): Counters {
    const keys = this.#counts.get(bucket) ?? new Map<string, Count>();
    this.#counts.set(bucket, keys);
    const guarded = <T>(promise: Promise<T>): Promise<T> =>
      promise.then((value) => (alive() ? value : new Promise<T>(() => {})));
    return {
      increment: (key, delta) =>
        guarded(
          this.ask<Count>((answer) => {
            this.messages++;
            const count = { total: (keys.get(key)?.total ?? 0) + delta, seq: ++this.#seq };
            keys.set(key, count);
            this.#log.push({ bucket, key, count });
            answer(count);
          }, 400),
        ),
      read: (wanted) =>
        guarded(
          this.ask<Map<string, Count>>((answer) => {
            this.messages++;
            const seen = this.chance(this.#options.weather.stale)
              ? this.#stateBefore(bucket, Math.floor(this.time.random() * 20))
              : keys;
            answer(new Map(wanted.flatMap((key) => (seen.has(key) ? [[key, seen.get(key) as Count]] : []))));
          }, 400),
        ),
      serverTime: async () => {
        const sentAt = now();
        const timeMs = await guarded(this.ask<number>((answer) => answer(this.#epoch + this.time.now), 400));
        return { timeMs, sentAt, receivedAt: now() };
      },
    };
  }

  #stateBefore(bucket: string, additions: number): Map<string, Count> {
    const state = new Map<string, Count>();
    for (const entry of this.#log.slice(0, this.#log.length - additions))
      if (entry.bucket === bucket) state.set(entry.key, entry.count);
    return state;
  }

  #weather(seconds: number): void {
    const { weather } = this.#options;
    this.#workers.forEach((worker, i) => {
      if (!worker.alive || !this.chance(weather.workerKills * seconds)) return;
      worker.alive = false;
      this.time.after(this.time.random() * 1_000, () => this.#startWorker(i));
    });
    this.#edges.forEach((edge, i) => {
      if (!edge.alive || !this.chance(weather.edgeKills * seconds)) return;
      edge.alive = false;
      this.time.after(this.time.random() * 300, () => this.#startEdge(i));
    });
    if (this.#natsUp && this.chance(weather.natsRestarts * seconds)) {
      this.#natsUp = false;
      this.#natsLife++;
      this.time.after(this.time.random() * 700, () => (this.#natsUp = true));
    }
  }

  #startWorker(i: number): void {
    this.#workers[i] = new SimWorker(this);
  }

  #startEdge(i: number): void {
    this.edgesStarted++;
    this.#edges[i] = new SimEdge(this);
  }
}

/** A monotonic clock with an origin and a rate of its own, as far off as NTP lets clocks run. */
function ownClock(time: VirtualTime): () => number {
  const origin = time.random() * 1e6;
  const rate = 1 + (2 * time.random() - 1) * 200e-6;
  return () => origin + time.now * rate;
}

const noMetric = { inc: () => {}, observe: () => {} };

class SimWorker {
  alive = true;
  readonly lease: (message: BusMessage) => Promise<void>;
  readonly giveBack: (message: BusMessage) => Promise<void>;

  constructor(sim: Simulation) {
    const now = ownClock(sim.time);
    const alive = (): boolean => this.alive;
    const counters = {
      ratelimit: sim.counters('ratelimit', alive, now),
      ratelimit_hour: sim.counters('ratelimit_hour', alive, now),
      ratelimit_day: sim.counters('ratelimit_day', alive, now),
      usage: sim.counters('usage', alive, now),
    };
    const clock: ServerClock = new ServerClock({ now, onStep: () => granter.forget() });
    const granter = new Granter({
      counters,
      clock,
      mostKeys: 50,
      onLost: () => {},
      wait: (ms) => new Promise((resolve) => sim.time.after(ms, resolve)),
    });
    const look = (): void =>
      void counters.ratelimit.serverTime().then(
        (seen) => clock.observe(seen),
        () => {},
      );
    look();
    sim.time.every(1_000, () => {
      if (this.alive) look();
    });
    const metrics = {
      granted: noMetric,
      refused: noMetric,
      failed: noMetric,
      returned: noMetric,
      leaseSeconds: noMetric,
    } as never;
    this.lease = leaseHandler({ granter, metrics, now });
    this.giveBack = returnHandler({ granter, metrics, now });
  }
}

class SimEdge {
  alive = true;
  readonly #sim: Simulation;
  readonly #limiter: Limiter;
  #meters: Meters = new Map();
  #plans: Plans;
  readonly #route: CompiledRoute;

  constructor(sim: Simulation) {
    this.#sim = sim;
    const now = ownClock(sim.time);
    this.#route = { ...plainRoute, id: 'r', ...sim.options.route } as CompiledRoute;
    const leaser = new LeaseClient({
      now,
      timeoutMs: 2 * patienceMs,
      onChange: () => {},
      bus: {
        request: (_, payload) =>
          sim.ask<BusMessage>((answer) => {
            sim.messages++;
            const worker = sim.worker();
            void worker
              ?.lease(message(String(payload), (text) => worker.alive && answer(message(text))))
              // What a worker throws is answered as an error, and that is no lease.
              .catch(() => worker.alive && answer(message('')));
          }, patienceMs),
        publish: (_, payload) =>
          sim.send(() => {
            sim.messages++;
            void sim
              .worker()
              ?.giveBack(message(String(payload)))
              .catch(() => {});
          }),
      },
    });
    this.#plans = new Plans(this.#meters, () => {});
    this.#limiter = new Limiter({
      leaser,
      now,
      mostKeys: sim.options.mostKeys ?? 1_000,
      planOf: ({ caller }) =>
        this.#plans.of(this.#route, sim.document.consumers.find(({ id }) => id === caller?.consumer) ?? null),
      wake: () => {},
    });
    this.follow();
    sim.time.every(25, () => {
      if (this.alive) this.#limiter.tick();
    });
  }

  follow(): void {
    if (!this.alive) return;
    const counts = { admitted: 0, refused: 0, emergency: 0, unavailable: 0, queued: 0 };
    this.#meters = compileMeters(this.#sim.document, this.#meters, () => counts);
    this.#plans = new Plans(this.#meters, () => {});
    this.#limiter.retire();
  }

  call(key: string): void {
    if (!this.alive) return;
    const sim = this.#sim;
    const { cost } = this.#route;
    const arrivedAt = sim.time.now;
    const call = {
      client: key,
      caller: { consumer: key } as never,
      route: this.#route,
      fields: { endToEnd: [] } as never,
      outlet: { gone: false },
      addHeaders: () => {},
    } satisfies LimitedCall;
    const passed = (): void => {
      if (this.alive) sim.admitted.push({ at: sim.time.now, arrivedAt, key, cost });
    };
    const refused = (error: unknown): void => {
      const { code } = error as { code: string };
      sim.codes.set(code, (sim.codes.get(code) ?? 0) + 1);
      sim.refused.push({ at: sim.time.now, arrivedAt, key, cost });
    };
    try {
      const pending = this.#limiter.admit(call);
      if (pending === undefined) passed();
      else pending.then(passed, refused);
    } catch (error) {
      refused(error);
    }
  }
}

function message(text: string, respond: (text: string) => unknown = () => {}): BusMessage {
  return { text: () => text, header: () => undefined, respond } as never;
}
