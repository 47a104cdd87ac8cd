import { until } from '@sluice/testing';
import type { Context } from './context.ts';
import type { Measured } from './cpu.ts';
import type { Running } from './process.ts';

/** Running workers of Sluice around one nats-server. */
export interface SluiceStack {
  /** Address of the edge; empty without one. */
  readonly gateway: string;
  readonly natsUrl: string;
  /** Address of the server's monitoring; empty where its configuration has none. */
  readonly monitoringUrl: string;
  /** nats-server and every worker. */
  readonly processes: readonly Measured[];
  worker(name: string): Running;
  stop(): Promise<void>;
}

/** As the images start them (`deploy/docker/Dockerfile` says why). */
const imageOptions = ['--no-allocation-site-pretenuring'];

export interface StackOptions {
  /** For every worker. */
  readonly env?: Readonly<Record<string, string>>;
  /** By worker. */
  readonly nodeOptions?: Readonly<Record<string, readonly string[]>>;
  readonly natsConfig?: string;
  /** Called before the workers are started. */
  readonly prepare?: (natsUrl: string) => Promise<void>;
}

/** Starts the named services with their default settings on free ports, in this order, and waits for their health. */
export async function startSluice(
  context: Context,
  services: readonly string[],
  { env = {}, nodeOptions = {}, natsConfig, prepare }: StackOptions = {},
): Promise<SluiceStack> {
  const nats = await context.startNats(natsConfig);
  await prepare?.(nats.url);
  const workers: Running[] = [];
  for (const name of services) {
    const settings = { NATS_URL: nats.url, SLUICE_HTTP_PORT: '0', SLUICE_OPS_PORT: '0', ...env };
    const worker = await context.processes.start(name, `services/${name}/main.ts`, settings, [
      ...imageOptions,
      ...(nodeOptions[name] ?? []),
    ]);
    workers.push(worker);
    await until(async () => (await fetch(`${String(worker.ready['ops'])}/health/ready`)).ok, {
      message: `${name} is healthy`,
    });
  }
  const gateway = workers.find((worker) => worker.ready['gateway'] !== undefined)?.ready['gateway'];
  return {
    gateway: typeof gateway === 'string' ? gateway : '',
    natsUrl: nats.url,
    monitoringUrl: monitoringOf(nats.log),
    processes: [...workers, { name: 'nats', pid: nats.pid }],
    worker: (name) => {
      const worker = workers.find((candidate) => candidate.name === name);
      if (!worker) throw new Error(`no ${name} was started`);
      return worker;
    },
    stop: async () => {
      for (const worker of workers.reverse()) await worker.stop();
      await nats.stop();
    },
  };
}

/** The server says which port it took. */
function monitoringOf(log: readonly string[]): string {
  for (const line of log) {
    const port = /Starting http monitor on [^ ]*:(\d+)/.exec(line)?.[1];
    if (port) return `http://127.0.0.1:${port}`;
  }
  return '';
}
