import { connectBus, type Bus } from '@sluice/nats';
import { endpoint, startService } from '@sluice/service';
import { RawClient, startStack, until, type TestStack } from '@sluice/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

let stack: TestStack;
let bus: Bus;
let hold: PromiseWithResolvers<void>;
let held = 0;
beforeAll(async () => {
  stack = await startStack({ services: ['router'], document: { defaults: { auth: 'public' } } });
  bus = await connectBus({ servers: [stack.natsUrl], name: 'test' });
  await startService(bus, {
    name: 'shop',
    version: '1.0.0',
    description: 'A backend for the tests',
    endpoints: {
      quick: endpoint({ route: 'GET /v1/quick', summary: 'Answers at once', handler: () => ({ ok: true }) }),
      held: endpoint({
        route: 'GET /v1/held',
        summary: 'Answers when it is told to',
        timeout: '30s',
        handler: async () => {
          held++;
          await hold.promise;
          return { ok: true };
        },
      }),
    },
  });
});
afterAll(async () => {
  await bus.close();
  await stack.stop();
});
beforeEach(() => {
  hold = Promise.withResolvers();
  held = 0;
});

async function startEdge(env: Record<string, string> = {}) {
  const edge = await stack.start('edge', env);
  const url = edge.gateway as string;
  await until(async () => (await fetch(`${url}/v1/quick`)).ok);
  return { url, ops: edge.ops, process: edge.process };
}

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;

describe('SIGTERM', () => {
  it('goes on serving while load balancers take notice, then finishes what is in flight and exits with 0', async () => {
    const { url, ops, process } = await startEdge({ SLUICE_EDGE_DRAIN_DELAY: '500' });
    const busy = await RawClient.open(url);
    busy.send(get('/v1/held'));
    await until(() => held === 1);
    process.signal('SIGTERM');
    await until(async () => (await fetch(`${ops}/health/ready`)).status === 503);
    const fresh = await RawClient.open(url);
    fresh.send(get('/v1/quick'));
    expect((await fresh.response()).status).toBe(200);
    await fresh.ended();
    await expect(RawClient.open(url)).rejects.toThrow('ECONNREFUSED');
    hold.resolve();
    const answer = await busy.response();
    expect([answer.status, answer.header('connection')]).toEqual([200, 'close']);
    await busy.ended();
    expect(await process.exited).toBe(0);
  });

  it('closes live connections with a reason', async () => {
    const { url, process } = await startEdge();
    const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/stream`);
    await new Promise((resolve) => socket.addEventListener('open', resolve));
    const closed = new Promise<CloseEvent>((resolve) => socket.addEventListener('close', resolve));
    process.signal('SIGTERM');
    const { code, reason, wasClean } = await closed;
    expect([code, wasClean]).toEqual([1001, true]);
    expect(reason).not.toBe('');
    expect(await process.exited).toBe(0);
  });

  it('exits with 0 even where the grace is used up and a live client never answers the close', async () => {
    const { url, process } = await startEdge({ SLUICE_EDGE_STOP_GRACE: '500', SLUICE_LIVE_DRAIN: '100' });
    const deaf = await RawClient.open(url);
    const fields = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n';
    const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
    deaf.send(`GET /v1/stream HTTP/1.1\r\nHost: a\r\n${fields}${key}\r\n`);
    expect((await deaf.response({ head: true })).status).toBe(101);
    const busy = await RawClient.open(url);
    busy.send(get('/v1/held'));
    await until(() => held === 1);
    process.signal('SIGTERM');
    expect(await process.exited).toBe(0);
    await Promise.all([deaf.ended(), busy.ended()]);
    hold.resolve();
  });

  it('loses no request of clients that follow the connection', async () => {
    // Long enough for a busy machine to see that the edge is not ready any more before it stops accepting.
    const first = await startEdge({ SLUICE_EDGE_DRAIN_DELAY: '2000' });
    const second = await startEdge();
    let target = first.url;
    const done = new AbortController();
    const failures: unknown[] = [];
    let answered = 0;
    const client = async (): Promise<void> => {
      while (!done.signal.aborted) {
        // What a load balancer does: nothing new to an edge that is not ready.
        const url = target;
        try {
          const response = await fetch(`${url}/v1/quick`);
          await response.arrayBuffer();
          if (response.status === 200) answered++;
          else failures.push(response.status);
        } catch (error) {
          failures.push(error);
        }
      }
    };
    const clients = Array.from({ length: 16 }, client);
    await until(() => answered > 200);
    first.process.signal('SIGTERM');
    await until(async () => (await fetch(`${first.ops}/health/ready`)).status === 503);
    target = second.url;
    expect(await first.process.exited).toBe(0);
    const before = answered;
    await until(() => answered > before + 200);
    done.abort();
    await Promise.all(clients);
    expect(failures).toEqual([]);
    await second.process.stop();
  });

  it('twice ends the process at once', async () => {
    const { url, process } = await startEdge();
    const busy = await RawClient.open(url);
    busy.send(get('/v1/held'));
    await until(() => held === 1);
    process.signal('SIGTERM');
    await process.waitForLog(({ msg }) => msg === 'stopping');
    process.signal('SIGTERM');
    expect(await process.exited).toBe(1);
    busy.close();
    hold.resolve();
  });
});
