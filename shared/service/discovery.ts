import type { Bus, BusSubscription } from '@sluice/nats';
import type { EndpointStatsDocument } from './stats.ts';

/** What every ADR-32 reply begins with. */
export interface ServiceIdentity {
  readonly name: string;
  /** Unique per running instance. */
  readonly id: string;
  readonly version: string;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface EndpointInfo {
  readonly name: string;
  readonly subject: string;
  readonly queue_group: string;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface PingDocument extends ServiceIdentity {
  readonly type: 'io.nats.micro.v1.ping_response';
}

export interface InfoDocument extends ServiceIdentity {
  readonly type: 'io.nats.micro.v1.info_response';
  readonly description: string;
  readonly endpoints: readonly EndpointInfo[];
}

export interface StatsDocument extends ServiceIdentity {
  readonly type: 'io.nats.micro.v1.stats_response';
  /** RFC 3339, UTC. */
  readonly started: string;
  readonly endpoints: readonly EndpointStatsDocument[];
  /** What the service tells about itself as a whole. ADR-32 has `data` per endpoint, and an edge has no endpoints. */
  readonly data?: unknown;
}

/**
 * Answers `$SRV.{PING,INFO,STATS}`, each for all services, for those of one name, and for one instance: nine plain
 * subscriptions, no queue group, because every instance has to answer. PING and INFO never change and are encoded once.
 */
export function announce(
  bus: Bus,
  identity: ServiceIdentity,
  documents: { readonly info: InfoDocument; stats(): StatsDocument },
): BusSubscription[] {
  const ping: PingDocument = { type: 'io.nats.micro.v1.ping_response', ...identity };
  const pingText = JSON.stringify(ping);
  const infoText = JSON.stringify(documents.info);
  const verbs: [string, () => string][] = [
    ['PING', () => pingText],
    ['INFO', () => infoText],
    ['STATS', () => JSON.stringify(documents.stats())],
  ];
  return verbs.flatMap(([verb, answer]) =>
    [`$SRV.${verb}`, `$SRV.${verb}.${identity.name}`, `$SRV.${verb}.${identity.name}.${identity.id}`].map(
      (subject) => bus.subscribe(subject, (message) => message.respond(answer())),
    ),
  );
}
