import type { Bus } from './bus.ts';
import { BusError } from './errors.ts';
import { callApi, nanos, parseApiAnswer } from './jetstream-api.ts';
import { ensureConfig } from './streams.ts';

export interface CounterSpec {
  /** A bucket's name; its stream is `KV_<name>`, so `nats kv` lists and reads the counters. */
  readonly name: string;
  /** Age at which a counter that nobody adds to any more is forgotten. */
  readonly maxAgeMs: number;
  /** Default: what the bucket has, 1 when it is new. */
  readonly replicas?: number;
}

/** A counter as it stood when the stream was at `seq`, the sequence of the last addition to it. */
export interface Count {
  readonly total: number;
  readonly seq: number;
}

/**
 * Counters of one bucket (message counters of NATS 2.12, ADR-49): additions are atomic in the server, which answers the
 * new total. Errors are BusErrors. After a `timeout` or `disconnected` nobody knows whether it was added.
 */
export interface Counters {
  /** Adds `delta`, negative to take away; a counter that is not there begins at zero. */
  increment(key: string, delta: number, options: { deadline: number }): Promise<Count>;
  /** Totals of those keys that are there. A replica that is behind answers an older state: `seq` tells. */
  read(keys: readonly string[], options: { waitMs: number }): Promise<Map<string, Count>>;
  /** What the clock of the server that leads the stream says. */
  serverTime(): Promise<ServerTime>;
}

/** A look at the server's clock. The times of sending and receiving are monotonic milliseconds of this process. */
export interface ServerTime {
  /** Milliseconds since the epoch, with a fraction, read at some moment between `sentAt` and `receivedAt`. */
  readonly timeMs: number;
  readonly sentAt: number;
  readonly receivedAt: number;
}

const notFound = 404;

/** Opens a bucket of counters, made when it is missing. Throws BusError `rejected` when the server cannot have it. */
export async function openCounters(bus: Bus, spec: CounterSpec): Promise<Counters> {
  await ensureConfig(
    bus,
    {
      name: `KV_${spec.name}`,
      subjects: [`$KV.${spec.name}.>`],
      storage: 'file',
      allow_msg_counter: true,
      // Counters forbid `discard: new` and times to live per message; an age for all of them works.
      max_msgs_per_subject: 1,
      discard: 'old',
      max_age: nanos(spec.maxAgeMs),
      allow_direct: true,
      deny_delete: true,
      ...(spec.replicas === undefined ? {} : { num_replicas: spec.replicas }),
    },
    { num_replicas: 1 },
  );
  return new BucketCounters(bus, spec.name);
}

/** {@link Counters} for reading only: the bucket is left as it is, present or not. */
export function countersOf(bus: Bus, bucket: string): Pick<Counters, 'read'> {
  return new BucketCounters(bus, bucket);
}

class BucketCounters implements Counters {
  readonly #bus: Bus;
  readonly #stream: string;
  readonly #prefix: string;

  constructor(bus: Bus, name: string) {
    this.#bus = bus;
    this.#stream = `KV_${name}`;
    this.#prefix = `$KV.${name}.`;
  }

  async increment(key: string, delta: number, options: { deadline: number }): Promise<Count> {
    const answer = await this.#bus.request(this.#prefix + key, '', {
      deadline: options.deadline,
      headers: ['Nats-Incr', delta < 0 ? String(delta) : `+${delta}`],
    });
    const { val, seq } = parseApiAnswer(answer) as { val?: string; seq: number };
    if (val === undefined) throw new BusError('rejected', `${this.#stream} does not count`);
    return { total: Number(val), seq };
  }

  async read(keys: readonly string[], options: { waitMs: number }): Promise<Map<string, Count>> {
    const found = new Map<string, Count>();
    if (keys.length === 0) return found;
    const question = { multi_last: keys.map((key) => this.#prefix + key), batch: keys.length };
    const answers = await this.#bus.requestMany(
      `$JS.API.DIRECT.GET.${this.#stream}`,
      JSON.stringify(question),
      { waitMs: options.waitMs, until: (answer) => answer.status !== 0 },
    );
    const end = answers.pop();
    if (end !== undefined && end.status !== 204 && end.status !== notFound)
      throw new BusError('rejected', end.statusText || `status ${end.status}`, { code: end.status });
    for (const answer of answers) {
      const subject = answer.header('Nats-Subject') ?? '';
      const { val } = answer.json() as { val?: string };
      const total = Number(val);
      if (Number.isFinite(total))
        found.set(subject.slice(this.#prefix.length), { total, seq: Number(answer.header('Nats-Sequence')) });
    }
    return found;
  }

  async serverTime(): Promise<ServerTime> {
    const sentAt = performance.now();
    const { ts } = await callApi<{ ts?: string }>(this.#bus, `STREAM.INFO.${this.#stream}`);
    const receivedAt = performance.now();
    const timeMs = ts === undefined ? Number.NaN : exactTime(ts);
    if (Number.isNaN(timeMs)) throw new BusError('rejected', 'the NATS server does not tell its time');
    return { timeMs, sentAt, receivedAt };
  }
}

/** RFC 3339 with nanoseconds; Date.parse alone would cut everything below a millisecond. */
function exactTime(text: string): number {
  const match = /^(.+:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)$/.exec(text);
  if (!match) return Number.NaN;
  return Date.parse(`${match[1]}${match[3]}`) + Number(match[2] ?? 0) * 1_000;
}
