import { readFileSync } from 'node:fs';
import path from 'node:path';
import { connectBus, type Bus } from '@sluice/nats';
import { startNatsServer, type TestNats } from '@sluice/testing';
import type { WireRequest } from '@sluice/wire';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { endpoint, reply, startService, type MicroService } from './mod.ts';

interface RawVector {
  readonly name: string;
  readonly natsHeaders: string[];
  readonly payload: string;
  readonly request: Omit<WireRequest, 'body' | 'identity'> & {
    readonly body: string;
    readonly subject: string | null;
  };
}
const { requests } = JSON.parse(
  readFileSync(path.join(import.meta.dirname, '../wire/vectors/raw.json'), 'utf8'),
) as { requests: RawVector[] };

let nats: TestNats;
let bus: Bus;
let service: MicroService;
let received: WireRequest;

beforeAll(async () => {
  nats = await startNatsServer();
  bus = await connectBus({ servers: [nats.url], name: 'raw test' });
  service = await startService(bus, {
    name: 'raw',
    version: '1.0.0',
    description: 'Takes raw messages',
    endpoints: {
      take: endpoint({
        summary: 'Keeps what it got',
        handler: ({ request }) => {
          received = request;
          return reply({
            status: 299,
            headers: { 'content-type': 'text/plain', 'x-a': ['1', '2'] },
            body: 'ok',
          });
        },
      }),
    },
  });
});
afterAll(async () => {
  await service?.stop();
  await bus?.close();
  await nats?.stop();
});

test.each(requests)('reads the vector: $name', async ({ natsHeaders, payload, request }) => {
  // The vectors' deadline is a fixed day: only a later one is served.
  const deadline = Date.now() + 10_000;
  const headers = natsHeaders.map((item, i) =>
    natsHeaders[i - 1] === 'Sluice-Deadline' ? String(deadline) : item,
  );
  await bus.request('raw.take', Buffer.from(payload, 'hex'), { deadline, headers });
  const { subject, ...rest } = request;
  expect({ ...received, body: Buffer.from(received.body) }).toEqual({
    ...rest,
    deadline,
    body: Buffer.from(request.body, 'hex'),
    identity: subject === null ? null : { subject, kind: 'unknown', roles: [], scopes: [], tenant: null },
    client: '',
    route: '',
  });
});

test('takes a message without headers, and answers status and fields in headers', async () => {
  const answer = await bus.request('raw.take', 'hello', { deadline: Date.now() + 5_000 });
  expect(Buffer.from(received.body).toString()).toBe('hello');
  expect(received.id).toMatch(/^[0-9a-f-]{36}$/);
  expect(received.deadline).toBeGreaterThan(Date.now());
  expect(answer.headerList()).toEqual([
    'Sluice-Status',
    '299',
    'Content-Type',
    'text/plain',
    'Sluice-Header-x-a',
    '1',
    'Sluice-Header-x-a',
    '2',
  ]);
});
