import { connectBus, type Bus } from '@sluice/nats';
import { endpoint, startService, z } from '@sluice/service';
import { RawClient, startStack, until, type TestStack } from '@sluice/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';

let stack: TestStack;
let bus: Bus;
beforeAll(async () => {
  stack = await startStack({ services: ['router', 'edge'], document: { defaults: { auth: 'public' } } });
  bus = await connectBus({ servers: [stack.natsUrl], name: 'test' });
  await startService(bus, {
    name: 'items',
    version: '1.0.0',
    description: 'Counts what it is sent',
    endpoints: {
      add: endpoint({
        route: 'POST /v1/items',
        summary: 'Adds items',
        body: z.object({ text: z.string() }),
        handler: ({ body }) => ({ length: body.text.length }),
      }),
    },
  });
  await until(async () => (await send('x')) === 200);
});
afterAll(async () => {
  await bus.close();
  await stack.stop();
});

async function send(text: string): Promise<number> {
  const response = await fetch(`${stack.gateway}/v1/items`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ text }),
  });
  await response.arrayBuffer();
  return response.status;
}

interface Kind {
  readonly start: string;
  /** What is then sent, byte by byte, over and over. */
  readonly rest: string;
  readonly status: number;
}

const item = 'POST /v1/items HTTP/1.1\r\nHost: a\r\n';
const nowhere = 'POST /nowhere HTTP/1.1\r\nHost: a\r\n';
const kinds: readonly Kind[] = [
  { start: 'G', rest: 'ET / HTTP/1.1\r\n', status: 408 },
  { start: 'GET / HTTP/1.1\r\nHost: a\r\nX: ', rest: 'x', status: 408 },
  { start: `${item}Content-Length: 1000\r\n\r\n`, rest: 'x', status: 408 },
  { start: `${item}Transfer-Encoding: chunked\r\n\r\n400\r\n`, rest: 'x', status: 408 },
  // Refused at once; what they go on sending must not keep the connection either.
  { start: `${nowhere}Content-Length: 1000\r\n\r\n`, rest: 'x', status: 404 },
  { start: `${nowhere}Transfer-Encoding: chunked\r\n\r\n400\r\n`, rest: 'x', status: 404 },
];

/** One byte every ten seconds until the edge ends the connection; gives what the edge said. */
async function slowSender({ start, rest }: Kind): Promise<string> {
  const client = await RawClient.open(stack.gateway);
  client.send(start);
  let at = 0;
  const timer = setInterval(() => client.send(rest[at++ % rest.length] as string), 10_000);
  const answer = await client.ended();
  clearInterval(timer);
  client.close();
  return answer.toString('latin1');
}

it('300 senders of one byte every ten seconds are gone within 20 seconds, while others are served', async () => {
  const started = performance.now();
  let served = 0;
  let failed = 0;
  const others = setInterval(() => {
    void send('quick').then((status) => (status === 200 ? served++ : failed++));
  }, 250);
  const answers = await Promise.all(
    Array.from({ length: 300 }, (_, i) => slowSender(kinds[i % kinds.length] as Kind)),
  );
  const seconds = (performance.now() - started) / 1000;
  clearInterval(others);
  expect(seconds).toBeLessThan(20);
  expect(served).toBeGreaterThan(20);
  expect(failed).toBe(0);
  for (const [i, answer] of answers.entries()) {
    const { status } = kinds[i % kinds.length] as Kind;
    expect(answer.slice(0, 12)).toBe(`HTTP/1.1 ${status}`);
    expect(answer).toContain('application/problem+json');
  }
});
