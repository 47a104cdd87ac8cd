import { SluiceError } from '@sluice/errors';
import type { BusMessage } from '@sluice/nats';
import type { GatewayDocument } from '@sluice/policy';
import { plainRoute, type CompiledRoute } from '@sluice/routes';
import { LeaseClient, type LeaseClientOptions } from '../../../services/edge/limits/lease-client.ts';
import { Limiter, type LimitedCall } from '../../../services/edge/limits/limiter.ts';
import { compileMeters, type Meters } from '../../../services/edge/limits/meter.ts';
import { Plans } from '../../../services/edge/limits/plans.ts';
import { ownClock, type VirtualTime } from '../virtual-time.ts';
import type { SimNats } from './nats.ts';
import type { SimWorker } from './worker.ts';

/** One call that was decided. */
export interface Decision {
  /** True time, milliseconds from the start; likewise the next one. */
  readonly at: number;
  readonly arrivedAt: number;
  readonly key: string;
  readonly cost: number;
}

export interface SimEdgeOptions {
  readonly time: VirtualTime;
  readonly nats: SimNats;
  /** What the one route of this gateway has beside its id and path. */
  readonly route: Partial<CompiledRoute>;
  /** Keys that the edge remembers. */
  readonly mostKeys: number;
  /** The document in force. */
  readonly document: () => GatewayDocument;
  /** One of the workers that live, as a queue group picks it. */
  readonly worker: () => SimWorker | undefined;
  readonly onAdmitted: (call: Decision) => void;
  /** `code` is the SluiceError's. */
  readonly onRefused: (call: Decision, code: string) => void;
}

/** Time that an edge waits for one of its two questions. */
const patienceMs = 125;

/** The limits of an edge as they are, in virtual time. Dead from the moment that `alive` is false. */
export class SimEdge {
  alive = true;
  readonly #options: SimEdgeOptions;
  readonly #limiter: Limiter;
  #meters: Meters = new Map();
  #plans: Plans;
  readonly #route: CompiledRoute;

  constructor(options: SimEdgeOptions) {
    this.#options = options;
    const { time, document } = options;
    const now = ownClock(time);
    this.#route = { ...plainRoute, id: 'r', path: '/v1/find', ...options.route } as CompiledRoute;
    const leaser = new LeaseClient({
      now,
      timeoutMs: 2 * patienceMs,
      onChange: () => {},
      bus: this.#bus(),
    });
    this.#plans = new Plans(this.#meters, () => {});
    this.#limiter = new Limiter({
      leaser,
      now,
      mostKeys: options.mostKeys,
      planOf: ({ caller }) =>
        this.#plans.of(this.#route, document().consumers.find(({ id }) => id === caller?.consumer) ?? null),
      wake: () => {},
    });
    this.follow();
    time.every(25, () => {
      if (this.alive) this.#limiter.tick();
    });
  }

  /** The document has changed. */
  follow(): void {
    if (!this.alive) return;
    const counts = { admitted: 0, refused: 0, emergency: 0, unavailable: 0, queued: 0 };
    this.#meters = compileMeters(this.#options.document(), this.#meters, () => counts);
    this.#plans = new Plans(this.#meters, () => {});
    this.#limiter.retire();
  }

  /** A call of the consumer `key` arrives now. */
  call(key: string): void {
    if (!this.alive) return;
    const { time, onAdmitted, onRefused } = this.#options;
    const { cost } = this.#route;
    const arrivedAt = time.now;
    const call = {
      client: key,
      caller: { consumer: key } as never,
      route: this.#route,
      fields: { endToEnd: [] } as never,
      outlet: { gone: false },
      addHeaders: () => {},
    } satisfies LimitedCall;
    const passed = (): void => {
      if (this.alive) onAdmitted({ at: time.now, arrivedAt, key, cost });
    };
    const refused = (error: unknown): void => {
      // A fault refuses every call, and no limit would ever be exceeded.
      if (error instanceof SluiceError) onRefused({ at: time.now, arrivedAt, key, cost }, error.code);
      else time.fail(error);
    };
    try {
      const pending = this.#limiter.admit(call);
      if (pending === undefined) passed();
      else pending.then(passed, refused);
    } catch (error) {
      refused(error);
    }
  }

  /** The way to the workers. */
  #bus(): LeaseClientOptions['bus'] {
    const { nats, worker: pick } = this.#options;
    return {
      request: (_, payload) =>
        nats.ask<BusMessage>((answer) => {
          nats.messages++;
          const worker = pick();
          void worker
            ?.lease(message(String(payload), (text) => worker.alive && answer(message(text))))
            // What a worker throws is answered as an error, and that is no lease.
            .catch(() => worker.alive && answer(message('')));
        }, patienceMs),
      publish: (_, payload) =>
        nats.send(() => {
          nats.messages++;
          void pick()
            ?.giveBack(message(String(payload)))
            .catch(() => {});
        }),
    };
  }
}

function message(text: string, respond: (text: string) => unknown = () => {}): BusMessage {
  return { text: () => text, header: () => undefined, respond } as never;
}
