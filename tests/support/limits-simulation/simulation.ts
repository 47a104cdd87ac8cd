import { gatewaySchema, type GatewayDocument, type GatewayInput } from '@sluice/policy';
import type { CompiledRoute } from '@sluice/routes';
import { VirtualTime } from '../virtual-time.ts';
import { SimEdge, type Decision } from './edge.ts';
import { SimNats } from './nats.ts';
import type { Weather } from './weather.ts';
import { SimWorker } from './worker.ts';

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

/** How often the weather is asked what it does. */
const weatherMs = 100;

/**
 * Edges and workers as they are, on a network, a NATS and clocks of the test's own, in virtual time. Messages take their
 * time and get lost, processes die between any two messages, every process's monotonic clock has its own rate.
 */
export class Simulation {
  readonly time: VirtualTime;
  readonly nats: SimNats;
  readonly admitted: Decision[] = [];
  readonly refused: Decision[] = [];
  /** Refused calls by their error's code. */
  readonly codes = new Map<string, number>();
  edgesStarted = 0;
  readonly #options: SimulationOptions;
  readonly #edges: SimEdge[] = [];
  readonly #workers: SimWorker[] = [];
  #document: GatewayDocument;

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.time = new VirtualTime(options.seed);
    const { weather, epoch = 1_700_000_000_000 } = options;
    this.nats = new SimNats({ time: this.time, weather, epoch });
    this.#document = gatewaySchema.parse(options.document);
    for (let i = 0; i < options.workers; i++) this.#startWorker(i);
    for (let i = 0; i < options.edges; i++) this.#startEdge(i);
    this.time.every(weatherMs, () => this.#blow(weatherMs / 1_000));
  }

  /** Sends a call to edge `i` now; it is decided sooner or later, or dies with its edge. */
  call(i: number, key: string): void {
    this.#edges[i % this.#edges.length]?.call(key);
  }

  /** Every edge follows a new document at its own moment within a second. */
  change(document: GatewayInput): void {
    this.#document = gatewaySchema.parse(document);
    for (const edge of this.#edges) this.time.after(this.time.random() * 1_000, () => edge.follow());
  }

  /** Kills and restarts what the weather takes in these seconds; it comes back within a second. */
  #blow(seconds: number): void {
    const { weather } = this.#options;
    this.#workers.forEach((worker, i) => {
      if (!worker.alive || !this.time.chance(weather.workerKills * seconds)) return;
      worker.alive = false;
      this.time.after(this.time.random() * 1_000, () => this.#startWorker(i));
    });
    this.#edges.forEach((edge, i) => {
      if (!edge.alive || !this.time.chance(weather.edgeKills * seconds)) return;
      edge.alive = false;
      this.time.after(this.time.random() * 300, () => this.#startEdge(i));
    });
    if (this.nats.up && this.time.chance(weather.natsRestarts * seconds)) this.nats.restart(700);
  }

  #startWorker(i: number): void {
    this.#workers[i] = new SimWorker(this.time, this.nats);
  }

  #startEdge(i: number): void {
    const { route, mostKeys = 1_000 } = this.#options;
    this.edgesStarted++;
    this.#edges[i] = new SimEdge({
      time: this.time,
      nats: this.nats,
      route,
      mostKeys,
      document: () => this.#document,
      worker: () => this.#worker(),
      onAdmitted: (call) => this.admitted.push(call),
      onRefused: (call, code) => {
        this.codes.set(code, (this.codes.get(code) ?? 0) + 1);
        this.refused.push(call);
      },
    });
  }

  /** One of those that live, by chance. */
  #worker(): SimWorker | undefined {
    const alive = this.#workers.filter((worker) => worker.alive);
    return alive[Math.floor(this.time.random() * alive.length)];
  }
}
