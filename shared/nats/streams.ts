import type { Bus } from './bus.ts';
import { BusError, isBusError, isForbidden } from './errors.ts';
import { apiError, callApiPatiently, nanos } from './jetstream-api.ts';

/** A stream as Sluice declares it; created when missing, updated where the server allows it. */
export interface StreamSpec {
  readonly name: string;
  readonly subjects: readonly string[];
  readonly storage: 'file' | 'memory';
  readonly replicas: number;
  readonly maxAgeMs?: number;
  readonly maxBytes?: number;
  readonly maxMsgsPerSubject?: number;
  readonly duplicateWindowMs?: number;
  readonly republish?: { readonly src: string; readonly dest: string };
  /** No message can be deleted or purged by anybody; cannot be taken back. */
  readonly appendOnly?: boolean;
}

/** What is known of a stream. `createdMs` tells one incarnation of a memory stream from the next. */
export interface StreamState {
  readonly createdMs: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly messages: number;
}

/** Fields of JetStream's stream configuration; durations are nanoseconds. */
export type StreamConfig = { readonly name: string } & Readonly<Record<string, unknown>>;

interface StreamInfo {
  readonly config: StreamConfig;
  readonly created: string;
  readonly state: { readonly first_seq: number; readonly last_seq: number; readonly messages: number };
}

/**
 * Makes sure that a stream is there and is as declared. Fields that the spec leaves out keep what the server has.
 * Throws BusError `rejected` for a change that the server cannot make, such as another storage type.
 */
export async function ensureStream(bus: Bus, spec: StreamSpec): Promise<void> {
  await ensureConfig(bus, {
    name: spec.name,
    subjects: spec.subjects,
    storage: spec.storage,
    num_replicas: spec.replicas,
    retention: 'limits',
    discard: 'old',
    allow_direct: true,
    ...(spec.maxAgeMs === undefined ? {} : { max_age: nanos(spec.maxAgeMs) }),
    ...(spec.maxBytes === undefined ? {} : { max_bytes: spec.maxBytes }),
    ...(spec.maxMsgsPerSubject === undefined ? {} : { max_msgs_per_subject: spec.maxMsgsPerSubject }),
    ...(spec.duplicateWindowMs === undefined ? {} : { duplicate_window: nanos(spec.duplicateWindowMs) }),
    ...(spec.republish === undefined ? {} : { republish: spec.republish }),
    ...(spec.appendOnly === true ? { deny_delete: true, deny_purge: true } : {}),
  });
}

/** How long a stream of another service is waited for, milliseconds: the services of a cluster start in any order. */
const ownerMs = 60_000;

/**
 * {@link ensureStream} for raw configurations. `whenNew` holds what only a new stream gets. A user that may not make or
 * change streams takes them as their owner has made them (deploy/nats/accounts.conf), and waits for that at most a minute.
 */
export async function ensureConfig(
  bus: Bus,
  config: StreamConfig,
  whenNew: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  let found = await streamInfo(bus, config.name);
  if (found === null) {
    try {
      await callApiPatiently(bus, `STREAM.CREATE.${config.name}`, { ...whenNew, ...config });
      return;
    } catch (error) {
      if (isForbidden(error)) return untilMade(bus, config.name);
      // Another process was faster and declared it a little differently.
      if (!isBusError(error, 'rejected') || error.code !== apiError.streamNameInUse) throw error;
      found = await streamInfo(bus, config.name);
    }
  }
  const present = found?.config ?? config;
  const same = Object.entries(config).every(
    ([field, value]) => JSON.stringify(present[field]) === JSON.stringify(value),
  );
  if (same) return;
  try {
    await callApiPatiently(bus, `STREAM.UPDATE.${config.name}`, { ...present, ...config });
  } catch (error) {
    if (isForbidden(error)) return;
    if (!isBusError(error, 'rejected')) throw error;
    throw new BusError('rejected', `stream ${config.name} cannot be changed as declared: ${error.message}`, {
      cause: error,
      ...(error.code === undefined ? {} : { code: error.code }),
    });
  }
}

async function untilMade(bus: Bus, name: string): Promise<void> {
  const until = Date.now() + ownerMs;
  while ((await streamInfo(bus, name)) === null) {
    if (Date.now() > until)
      throw new BusError(
        'rejected',
        `stream ${name} is not there, and this user of NATS may not make it: start the service it belongs to`,
      );
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

/** Throws BusError `rejected` when there is no such stream. */
export async function streamState(bus: Bus, name: string): Promise<StreamState> {
  const { created, state } = await callApiPatiently<StreamInfo>(bus, `STREAM.INFO.${name}`);
  return {
    createdMs: Date.parse(created),
    firstSeq: state.first_seq,
    lastSeq: state.last_seq,
    messages: state.messages,
  };
}

async function streamInfo(bus: Bus, name: string): Promise<StreamInfo | null> {
  try {
    return await callApiPatiently<StreamInfo>(bus, `STREAM.INFO.${name}`);
  } catch (error) {
    if (isBusError(error, 'rejected') && error.code === apiError.streamNotFound) return null;
    throw error;
  }
}
