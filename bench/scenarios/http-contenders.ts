import { until, type TestNats } from '@sluice/testing';
import type { Context, Target } from '../harness/context.ts';
import type { HttpTarget } from '../harness/http-cost.ts';
import type { Running } from '../harness/process.ts';
import { startSluice } from '../harness/sluice.ts';
import { orderPath } from '../prototypes/answer.ts';
import { allOn } from './all-on.ts';

/** A way of answering with a small document, running. */
export interface HttpContender extends HttpTarget {
  /** The floor and the peer are what the others are divided by. */
  readonly role: 'row' | 'floor' | 'peer';
  readonly targets?: readonly NonNullable<Target>[];
  stop(): Promise<void>;
}

type Start = (context: Context) => Promise<HttpContender[]>;

const plainRequests = [{ path: orderPath }];

const bareHttp: Start = async ({ processes }) => {
  const server = await processes.start('bare', 'bench/prototypes/bare-http.ts');
  return [contender('bare node:http', 'row', server, [server])];
};

const oneHop: Start = (context) =>
  overNats(context, 'one NATS hop: node:http, NATS, backend', 'row', async (env, start) => {
    const backend = await start('backend', 'floor-backend', env);
    const edge = await start('edge', 'floor-edge', { ...env, BENCH_SUBJECT: 'floor.backend' });
    return [edge, backend];
  });

const twoHops: Start = (context) =>
  overNats(context, 'two-hop floor: node:http, NATS, router, NATS, backend', 'floor', async (env, start) => {
    const backend = await start('backend', 'floor-backend', env);
    const router = await start('router', 'floor-router', env);
    const edge = await start('edge', 'floor-edge', { ...env, BENCH_SUBJECT: 'floor.router' });
    return [edge, router, backend];
  });

const moleculerWeb: Start = (context) =>
  overNats(context, 'moleculer-web over NATS, no features', 'peer', async (env, start) => {
    const backend = await start('backend', 'moleculer-backend', env);
    const edge = await start('edge', 'moleculer-gateway', env);
    return [edge, backend];
  });

const sluice: Start = async (context) => {
  const stack = await startSluice(context, ['router', 'edge']);
  const backend = await context.processes.start('backend', 'bench/prototypes/sluice-backend.ts', {
    NATS_URL: stack.natsUrl,
  });
  await until(async () => (await fetch(`${stack.gateway}${orderPath}`)).ok, {
    message: 'the route of the SDK backend is live',
  });
  return [
    {
      name: 'Sluice: edge, router, SDK backend; access record and metrics on',
      role: 'row',
      targets: [
        { kind: 'at most', value: 1.4, of: 'floor' },
        { kind: 'at most', value: 0.6, of: 'peer' },
      ],
      port: Number(new URL(stack.gateway).port),
      requests: plainRequests,
      processes: [...stack.processes, backend],
      stop: async () => {
        await backend.stop();
        await stack.stop();
      },
    },
  ];
};

export const httpContenders: readonly Start[] = [bareHttp, oneHop, twoHops, moleculerWeb, sluice, allOn];

/** Starts a nats-server of its own, then the prototypes; the first one of the list is the one that clients call. */
async function overNats(
  { processes, startNats }: Context,
  name: string,
  role: HttpContender['role'],
  start: (
    env: Record<string, string>,
    prototype: (name: string, file: string, env: Record<string, string>) => Promise<Running>,
  ) => Promise<[Running, ...Running[]]>,
): Promise<HttpContender[]> {
  const nats = await startNats();
  const running = await start({ NATS_URL: nats.url }, (name, file, env) =>
    processes.start(name, `bench/prototypes/${file}.ts`, env),
  );
  return [contender(name, role, running[0], running, nats)];
}

function contender(
  name: string,
  role: HttpContender['role'],
  front: Running,
  running: readonly Running[],
  nats?: TestNats,
): HttpContender {
  return {
    name,
    role,
    port: Number(front.ready['port']),
    requests: plainRequests,
    processes: [...running, ...(nats ? [{ name: 'nats', pid: nats.pid }] : [])],
    stop: async () => {
      for (const process of running) await process.stop();
      await nats?.stop();
    },
  };
}
