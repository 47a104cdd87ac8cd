import { randomUUID } from 'node:crypto';
import type { Bus, BusMessage, BusSubscription } from '@sluice/nats';
import { announce, type InfoDocument, type ServiceIdentity, type StatsDocument } from './discovery.ts';
import { measured, type MessageHandler, type ServiceReporter } from './measure.ts';
import { checkName, checkSubject, checkVersion } from './names.ts';
import { EndpointStats } from './stats.ts';

export interface MicroEndpoint {
  readonly name: string;
  readonly subject: string;
  /** Queue group; the service's own when absent. */
  readonly queue?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /**
   * Answers the message. What it throws is answered with ADR-32 error headers and counted; an error it answers itself
   * is counted by calling `stats.failed`.
   */
  readonly handle: MessageHandler;
}

export interface MicroOptions {
  readonly name: string;
  /** Semantic version. */
  readonly version: string;
  /** One sentence for people; INFO replies are invalid without it. */
  readonly description: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Default queue group, `q` as in ADR-32. */
  readonly queue?: string;
  readonly endpoints: readonly MicroEndpoint[];
  readonly report?: ServiceReporter;
  /** What STATS replies say as `data`, made anew for each: metadata never changes once it is announced. */
  readonly data?: () => unknown;
  /** Fixed texts answered on subjects that are no endpoints, in the service's queue group. */
  readonly aside?: Readonly<Record<string, string>>;
}

export interface MicroService {
  readonly name: string;
  readonly id: string;
  readonly version: string;
  readonly info: InfoDocument;
  stats(): StatsDocument;
  /** Sets every counter back to zero. */
  reset(): void;
  /** Resolves when the service has stopped, whoever stopped it. */
  readonly stopped: Promise<void>;
  /**
   * Leaves discovery, takes no new requests, answers those already received, and resolves when the answers have left.
   * Handlers that take longer than `timeoutMs` (default 25 s) are not waited for.
   */
  stop(timeoutMs?: number): Promise<void>;
}

const defaultQueue = 'q';
const defaultStopMs = 25_000;

/**
 * Registers an ADR-32 micro service with handlers that read and answer bare NATS messages. Resolves when the server
 * knows the subscriptions. Throws TypeError for names, versions and subjects that ADR-32 does not allow, and BusError.
 */
export async function startMicroService(bus: Bus, options: MicroOptions): Promise<MicroService> {
  checkOptions(options);
  const identity: ServiceIdentity = {
    name: options.name,
    id: randomUUID().replaceAll('-', ''),
    version: options.version,
    metadata: options.metadata ?? {},
  };
  const endpoints = options.endpoints.map((endpoint) => ({
    ...endpoint,
    queue: endpoint.queue ?? options.queue ?? defaultQueue,
    stats: new EndpointStats(),
  }));
  const started = new Date().toISOString();
  const info: InfoDocument = {
    type: 'io.nats.micro.v1.info_response',
    ...identity,
    description: options.description,
    endpoints: endpoints.map(({ name, subject, queue, metadata }) => ({
      name,
      subject,
      queue_group: queue,
      metadata: metadata ?? {},
    })),
  };
  const stats = (): StatsDocument => ({
    type: 'io.nats.micro.v1.stats_response',
    ...identity,
    started,
    endpoints: endpoints.map((each) => each.stats.document(each.name, each.subject, each.queue)),
    ...(options.data === undefined ? {} : { data: options.data() }),
  });

  // Endpoints first: whoever finds the service in discovery must be able to call it.
  const serving = endpoints.map((each) => {
    const handle = measured(each.name, each.handle, each.stats, options.report);
    return bus.subscribe(each.subject, (message) => (isSentTo(each, message) ? handle(message) : undefined), {
      queue: each.queue,
    });
  });
  for (const [subject, text] of Object.entries(options.aside ?? {}))
    serving.push(
      bus.subscribe(subject, (message) => message.respond(text), { queue: options.queue ?? defaultQueue }),
    );
  const discovery = announce(bus, identity, { info, stats });
  await bus.flush();

  let stopping: Promise<void> | undefined;
  const { promise: stopped, resolve: markStopped } = Promise.withResolvers<void>();
  return {
    name: identity.name,
    id: identity.id,
    version: identity.version,
    info,
    stats,
    reset: () => endpoints.forEach((each) => each.stats.reset()),
    stopped,
    stop: (timeoutMs = defaultStopMs) => {
      stopping ??= drain(bus, discovery, serving, timeoutMs).finally(markStopped);
      return stopping;
    },
  };
}

/**
 * A consumer of JetStream delivers to whatever subject its maker names, also where he may not publish, and its messages keep
 * the subject that they were stored under. Those are no requests.
 */
function isSentTo(endpoint: MicroEndpoint, message: BusMessage): boolean {
  return message.subject === endpoint.subject;
}

async function drain(
  bus: Bus,
  discovery: readonly BusSubscription[],
  serving: readonly BusSubscription[],
  timeoutMs: number,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<void>((resolve) => (timer = setTimeout(resolve, timeoutMs)));
  const work = async (): Promise<void> => {
    await Promise.all(discovery.map((subscription) => subscription.drain()));
    await Promise.all(serving.map((subscription) => subscription.drain()));
  };
  await Promise.race([work(), patience]);
  clearTimeout(timer);
  // The last answers may still wait for the end of the event-loop turn: stopping before they left would lose them.
  if (bus.connected) await bus.flush();
}

function checkOptions(options: MicroOptions): void {
  checkName('service name', options.name);
  checkVersion(options.version);
  if (options.description.trim() === '') throw new TypeError(`service "${options.name}" needs a description`);
  const names = new Set<string>();
  for (const { name, subject } of options.endpoints) {
    checkName('endpoint name', name);
    checkSubject(subject);
    if (names.has(name)) throw new TypeError(`service "${options.name}" has two endpoints named "${name}"`);
    names.add(name);
  }
}
