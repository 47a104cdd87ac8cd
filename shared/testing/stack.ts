import {
  natsAccounts,
  natsPasswordVariables,
  newNatsPasswords,
  type NatsPasswords,
} from '../../scripts/local/nats-accounts.ts';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startNatsServer, type TestNats } from './nats-server.ts';
import { createDatabase } from './postgres.ts';
import { startProcess, type TestProcess } from './process.ts';

export interface StackService {
  /** The service's folder name: `edge`, `router`, … */
  readonly name: string;
  readonly process: TestProcess;
  /** Address of health and metrics. */
  readonly ops: string;
  /** Address clients use; edges only. */
  readonly gateway?: string;
}

/** Real processes on free ports: what a user runs, without the user's terminal. */
export interface TestStack {
  /** The first edge's address; empty when the stack has no edge. */
  readonly gateway: string;
  readonly nats: TestNats;
  readonly natsUrl: string;
  /** Empty when nothing in the stack needs a database. */
  readonly databaseUrl: string;
  /** In the order they were started. */
  readonly services: readonly StackService[];
  /** The first one of that name. */
  service(name: string): StackService;
  /** One more process, or a replacement of one that was killed; resolves when it is ready. */
  start(name: string, env?: Readonly<Record<string, string | undefined>>): Promise<StackService>;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts a nats-server, a database where `marketdata` is among the services, and `node services/<name>/main.ts` for
 * each name (a name twice is two replicas). `env` goes to every service; `nats` and `databaseUrl` share what is there.
 * `document` is the gateway document, loaded from a file by the routers; without one, routes that say nothing are closed.
 * With `locked` every service is the user of NATS that it is in a cluster, with no more rights than that; whoever
 * connects without a name is the operator.
 */
export async function startStack(options: {
  services: readonly string[];
  env?: Readonly<Record<string, string | undefined>>;
  nats?: TestNats;
  databaseUrl?: string;
  locked?: boolean;
  document?: unknown;
}): Promise<TestStack> {
  const folder =
    options.document === undefined ? null : await mkdtemp(path.join(tmpdir(), 'sluice-document-'));
  const gatewayFile = folder === null ? undefined : path.join(folder, 'gateway.json');
  if (gatewayFile !== undefined) await writeFile(gatewayFile, JSON.stringify(options.document));
  const passwords = options.locked === true ? await newNatsPasswords() : undefined;
  const nats = options.nats ?? (await startNatsServer(passwords && (await lockedBy(passwords))));
  const databaseUrl =
    options.databaseUrl ?? (options.services.includes('marketdata') ? await createDatabase() : '');
  const services: StackService[] = [];
  const start: TestStack['start'] = async (name, env = {}) => {
    const service = await startService(name, {
      NATS_URL: nats.url,
      ...(passwords && { NATS_USER: name, NATS_PASSWORD: passwords[name] }),
      DATABASE_URL: databaseUrl,
      SLUICE_HTTP_PORT: '0',
      SLUICE_OPS_PORT: '0',
      SLUICE_GATEWAY_FILE: gatewayFile,
      ...options.env,
      ...env,
    });
    services.push(service);
    return service;
  };
  const stop = async (): Promise<void> => {
    await Promise.all(services.map((service) => service.process.stop()));
    if (options.nats === undefined) await nats.stop();
    if (folder !== null) await rm(folder, { recursive: true, force: true });
  };
  try {
    // Locked, each waits for streams that another one owns.
    if (passwords) await Promise.all(options.services.map((name) => start(name)));
    else for (const name of options.services) await start(name);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    get gateway() {
      return services.find((service) => service.gateway !== undefined)?.gateway ?? '';
    },
    nats,
    natsUrl: nats.url,
    databaseUrl,
    services,
    service: (name) => {
      const found = services.find((service) => service.name === name);
      if (!found) throw new Error(`this stack has no ${name}`);
      return found;
    },
    start,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function lockedBy(passwords: NatsPasswords): Promise<{ config: string; env: Record<string, string> }> {
  return {
    config: `${await natsAccounts()}\nno_auth_user: operator\n`,
    env: natsPasswordVariables(passwords),
  };
}

async function startService(name: string, env: Record<string, string | undefined>): Promise<StackService> {
  const process = startProcess(`services/${name}/main.ts`, env);
  try {
    const ready = await process.waitForLog((line) => line.msg === 'ready', 60_000);
    const gateway = ready['gateway'];
    return {
      name,
      process,
      ops: String(ready['ops']),
      ...(typeof gateway === 'string' ? { gateway } : {}),
    };
  } catch (error) {
    await process.kill();
    throw new Error(`${name} did not become ready: ${(error as Error).message}`, { cause: error });
  }
}
