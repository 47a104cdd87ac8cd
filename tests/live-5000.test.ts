import { execFileSync } from 'node:child_process';
import { connectBus, publishStored } from '@sluice/nats';
import { startProcess, startStack, until } from '@sluice/testing';
import { describe, expect, it } from 'vitest';

const clients = 5_000;
const processes = 2;
const events = 40;

/** Files that a process may have open: each connection is one. */
const openFiles = Number(execFileSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).trim()) || Infinity;

describe.skipIf(openFiles < clients + 500)(`an edge with ${clients} live connections`, () => {
  it('delivers every event to every client once and in order', { timeout: 240_000 }, async () => {
    await using stack = await startStack({ services: ['edge'] });
    const bus = await connectBus({ servers: [stack.natsUrl], name: 'publisher' });
    const channel = 'trades.LOADUSDT';
    const children = Array.from({ length: processes }, () =>
      startProcess('tests/live-5000-clients.ts', {
        GATEWAY: stack.gateway,
        CHANNEL: channel,
        CLIENTS: String(clients / processes),
        EVENTS: String(events),
      }),
    );
    try {
      const subscribed = await Promise.all(
        children.map((child) => child.waitForLog(({ msg }) => msg === 'subscribed', 120_000)),
      );
      expect(subscribed).toEqual(
        children.map(() => ({ msg: 'subscribed', subscribed: clients / processes, closed: 0 })),
      );
      const metrics = await (await fetch(`${stack.service('edge').ops}/metrics`)).text();
      expect(metrics).toMatch(/^sluice_live_connections\{[^}]*transport="websocket"[^}]*\} 5000$/m);
      // All of them are served by one subscription on NATS.
      expect(metrics).toMatch(/^sluice_live_feeds(?:\{[^}]*\})? 1$/m);

      for (let n = 1; n <= events; n++)
        await publishStored(bus, `live.in.${channel}`, JSON.stringify({ n }), {
          deadline: Date.now() + 20_000,
        });
      const complete = await Promise.all(
        children.map((child) => child.waitForLog(({ msg }) => msg === 'complete', 120_000)),
      );
      expect(complete).toEqual(children.map(() => ({ msg: 'complete', faults: [] })));
    } finally {
      await Promise.all(children.map((child) => child.kill()));
    }
    // What thousands of lost clients leave behind is nothing.
    await until(
      async () => {
        const metrics = await (await fetch(`${stack.service('edge').ops}/metrics`)).text();
        return (
          /^sluice_live_connections\{[^}]*\} 0$/m.test(metrics) &&
          /^sluice_live_subscriptions(?:\{[^}]*\})? 0$/m.test(metrics)
        );
      },
      { timeoutMs: 30_000 },
    );
    await bus.close();
  });
});
