import { connectBus, type Bus } from '@sluice/nats';
import type { GatewayInput } from '@sluice/policy';
import { until } from '@sluice/testing';
import type { Row, Scenario } from '../harness/context.ts';
import { startDriver } from '../harness/driver.ts';
import { storeDocument, withBus } from '../harness/gateway.ts';
import { startSluice, type SluiceStack } from '../harness/sluice.ts';
import { markdownTable } from '../harness/table.ts';
import type { HttpDriver, HttpRequest, HttpResult } from '../load/http.ts';
import { orderBody, orderPath } from '../prototypes/answer.ts';

/** What the limits of one run cost on the bus. */
interface Messages {
  /** Lease requests of the edge. */
  readonly leases: number;
  /** Everything that the server took and delivered for them. */
  readonly all: number;
}

const monitoring = 'http: "127.0.0.1:-1"';
const hotConnections = 128;
const manyKeys = 20_000;

/**
 * A limit on one hot key, and a key per request. Counted by the server itself: every message that the ratelimit worker
 * sends or gets (leases, counters, reads, the clock, discovery), and the other half of what goes between it and the edge.
 */
export const limits: Scenario = {
  name: 'limits',
  async run(context) {
    const seconds = context.quick ? 3 : 10;
    const stack = await startSluice(context, ['router', 'ratelimit', 'edge'], {
      natsConfig: monitoring,
    });
    const backend = await context.processes.start('backend', 'bench/prototypes/sluice-backend.ts', {
      NATS_URL: stack.natsUrl,
    });
    const bus = await connectBus({ servers: [stack.natsUrl], name: 'bench' });
    const driver = startDriver<HttpDriver>('bench/load/http.ts');
    const run = async (requests: readonly HttpRequest[], connections: number, time: number) => {
      const port = Number(new URL(stack.gateway).port);
      await driver.call('connect', { port, requests, body: orderBody, connections });
      const before = await messagesOf(stack, bus);
      const result = await driver.call('run', time);
      const after = await messagesOf(stack, bus);
      if (result.wrong > 0) throw new Error(`${result.wrong} wrong answers`);
      return { ...result, leases: after.leases - before.leases, all: after.all - before.all };
    };
    try {
      const one: HttpRequest[] = [{ path: orderPath, headers: { 'x-key': 'hot' } }];
      const each = Array.from({ length: manyKeys }, (_, i) => ({
        path: orderPath,
        headers: { 'x-key': `cold-${i}` },
      }));
      await until(async () => (await fetch(`${stack.gateway}${orderPath}`)).ok, {
        message: 'the route is live',
      });
      await run(one, hotConnections, 1);
      const without = await run(one, 1, 1);
      await withBus(stack.natsUrl, (own) => storeDocument(own, document));
      await until(
        async () => (await fetch(`${stack.gateway}${orderPath}`)).headers.get('ratelimit') !== null,
        { message: 'the limit is in force' },
      );
      const hot = await run(one, hotConnections, seconds);
      const cold = await run(each, 1, context.quick ? 1 : 3);
      if (cold.requests > manyKeys) throw new Error('the cold keys were used up');
      return section(without, hot, cold, seconds);
    } finally {
      await driver.stop();
      await bus.close();
      await backend.stop();
      await stack.stop();
    }
  },
};

const document: GatewayInput = {
  limits: { caller: { limit: 100_000_000, window: '1m', key: ['header:x-key'] } },
  defaults: { limits: ['caller'] },
};

type Run = HttpResult & Messages;

function section(without: Run, hot: Run, cold: Run, seconds: number) {
  const rows: Row[] = [
    {
      what: 'hot key: requests per NATS message of its limit',
      value: hot.requests / hot.all,
      unit: 'requests/message',
      targets: [{ kind: 'at least', value: 100, of: 'value' }],
    },
    {
      what: 'cold key: round trips from the edge per request',
      value: cold.leases / cold.requests,
      unit: 'lease requests/request',
      targets: [{ kind: 'at most', value: 1, of: 'value' }],
    },
    { what: 'cold key: added to the latency of a request', value: cold.p50 - without.p50, unit: 'ms p50' },
  ];
  const line = (name: string, { requests, leases, all, p50, p99 }: Run): string[] => [
    name,
    String(requests),
    String(leases),
    String(all),
    p50.toFixed(2),
    p99.toFixed(2),
  ];
  return {
    title: 'Limits',
    method:
      `One limit by a header field. Hot: ${hotConnections} connections for ${seconds} s with one key. Cold: one connection, ` +
      'a new key for every request. Messages are those that nats-server counts for the ratelimit worker, sent and ' +
      'delivered, and the edge’s half of leases and returns.',
    rows,
    details: markdownTable(
      ['run', 'requests', 'lease requests', 'NATS messages for limits', 'p50 ms', 'p99 ms'],
      [line('without a limit, one connection', without), line('hot key', hot), line('cold keys', cold)],
    ),
  };
}

async function messagesOf(stack: SluiceStack, bus: Bus): Promise<Messages> {
  const calls = await endpointCalls(bus);
  const answer = await fetch(`${stack.monitoringUrl}/connz?limit=1000`);
  const { connections } = (await answer.json()) as {
    connections: { name?: string; in_msgs: number; out_msgs: number }[];
  };
  const worker = connections.find(({ name }) => name?.startsWith('ratelimit ') === true);
  if (!worker) throw new Error('the ratelimit worker is not connected');
  // On the edge's side a lease is a message sent and one delivered, a return only the first.
  return { leases: calls.lease, all: worker.in_msgs + worker.out_msgs + 2 * calls.lease + calls.giveBack };
}

async function endpointCalls(bus: Bus): Promise<{ lease: number; giveBack: number }> {
  const answer = await bus.request('$SRV.STATS.ratelimit', '', { deadline: Date.now() + 10_000 });
  const { endpoints } = answer.json() as { endpoints: { name: string; num_requests: number }[] };
  const of = (name: string): number => endpoints.find((each) => each.name === name)?.num_requests ?? 0;
  return { lease: of('lease'), giveBack: of('return') };
}
