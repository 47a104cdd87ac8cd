import path from 'node:path';
import { projectRoot } from '@sluice/testing';
import { Network } from 'testcontainers';
import { freePort } from '../../../scripts/local/free-port.ts';
import {
  natsPasswordVariables,
  newNatsPasswords,
  type NatsPasswords,
} from '../../../scripts/local/nats-accounts.ts';
import { makeApiKey } from '@sluice/policy';
import { makePublisher } from './access.ts';
import { natsImage, serviceImage, timescaleImage, type ServiceName } from './images.ts';
import { Member } from './member.ts';

const natsNames = ['nats-0', 'nats-1', 'nats-2'] as const;

type Plan = Omit<Parameters<typeof Member.start>[0], 'network'>;

/** Two of every service, three NATS nodes and TimescaleDB in one network: what compose and Kubernetes start. */
export interface Cluster {
  readonly nats: readonly Member[];
  readonly database: Member;
  readonly edges: readonly Member[];
  readonly routers: readonly Member[];
  readonly limiters: readonly Member[];
  readonly admins: readonly Member[];
  readonly marketdata: readonly Member[];
  readonly broadcasters: readonly Member[];
  /** Addresses of the edges. */
  readonly gateways: readonly string[];
  /** Key of a consumer who may publish trades. */
  readonly key: string;
  /** For a client of NATS outside the network. */
  readonly bus: { readonly servers: string[]; readonly user: string; readonly password: string };
  stop(): Promise<void>;
}

export async function startCluster(): Promise<Cluster> {
  const network = await new Network().start();
  const passwords: NatsPasswords = { ...(await newNatsPasswords()), cluster: 'cluster' };
  const adminKey = makeApiKey().text;
  const starting: Promise<Member>[] = [];
  const start = (options: Plan): Promise<Member> => {
    const member = Member.start({ ...options, network });
    starting.push(member);
    return member;
  };
  const stop = async (): Promise<void> => {
    const started = await Promise.allSettled(starting);
    await Promise.all(started.map(async (one) => one.status === 'fulfilled' && (await one.value.remove())));
    await network.stop();
  };

  const service = async (name: ServiceName, number: number): Promise<Member> =>
    await start({
      image: serviceImage(name),
      name: `${name}-${number}`,
      ports: { 9090: await freePort(), ...(name === 'edge' ? { 8080: await freePort() } : {}) },
      env: {
        NATS_URL: natsNames.map((node) => `nats://${node}.nats:4222`).join(','),
        NATS_USER: name,
        NATS_PASSWORD: passwords[name] ?? '',
        NATS_REPLICAS: '3',
        ...(name === 'admin' ? { SLUICE_ADMIN_KEY: adminKey } : {}),
        ...(name === 'marketdata'
          ? { DATABASE_URL: 'postgres://sluice:secret@timescaledb:5432/sluice' }
          : {}),
      },
      ready: (member) => answers(`${member.url(9090)}/health/ready`),
    });

  try {
    const [nats, database] = await Promise.all([
      Promise.all(natsNames.map(async (name) => await start(await natsNode(name, passwords)))),
      start({
        image: timescaleImage,
        name: 'timescaledb',
        ports: { 5432: await freePort() },
        env: {
          POSTGRES_USER: 'sluice',
          POSTGRES_PASSWORD: 'secret',
          POSTGRES_DB: 'sluice',
          TIMESCALEDB_TELEMETRY: 'off',
        },
        writable: true,
        ready: async (member) => {
          const check = ['pg_isready', '-h', '127.0.0.1', '-U', 'sluice', '-d', 'sluice'];
          return (await member.run(...check)).exitCode === 0;
        },
      }),
    ]);
    const two = async (name: ServiceName): Promise<Member[]> =>
      await Promise.all([1, 2].map(async (number) => await service(name, number)));
    const [edges, routers, limiters, admins, marketdata, broadcasters] = await Promise.all([
      two('edge'),
      two('router'),
      two('ratelimit'),
      two('admin'),
      two('marketdata'),
      two('broadcaster'),
    ]);
    return {
      nats,
      database,
      edges,
      routers,
      limiters,
      admins,
      marketdata,
      broadcasters,
      gateways: edges.map((edge) => edge.url(8080)),
      key: await makePublisher(edges[0]?.url(8080) ?? '', adminKey),
      bus: {
        servers: nats.map((node) => node.url(4222).replace('http', 'nats')),
        user: 'operator',
        password: passwords['operator'] ?? '',
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function natsNode(name: string, passwords: NatsPasswords): Promise<Plan> {
  const route = (node: string): string => `nats://cluster:${passwords['cluster']}@${node}.nats:6222`;
  return {
    image: natsImage,
    name,
    aliases: [`${name}.nats`],
    command: ['nats-server', '--config', '/etc/nats/nats.conf'],
    ports: { 4222: await freePort(), 8222: await freePort() },
    files: ['nats', 'accounts', 'tls', 'cluster-tls', 'encryption'].map((file) => ({
      source: path.join(projectRoot, `deploy/nats/${file}.conf`),
      target: `/etc/nats/${file}.conf`,
    })),
    env: {
      NATS_SERVER_NAME: name,
      ...natsPasswordVariables(passwords),
      NATS_MEMORY_STORE: '512MB',
      // The stream of market events alone reserves 4 GiB.
      NATS_FILE_STORE: '8GB',
      NATS_ROUTE_0: route('nats-0'),
      NATS_ROUTE_1: route('nats-1'),
      NATS_ROUTE_2: route('nats-2'),
    },
    // Its store must outlive a kill and be gone with the container.
    writable: true,
    // Says no until the node has caught up with every stream it keeps.
    ready: (member) => answers(`${member.url(8222)}/healthz`),
  };
}

/** True for a 2xx answer within a second. */
export async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(1_000) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}
