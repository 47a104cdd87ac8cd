import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connectBus, type Bus } from '@sluice/nats';
import { formatFault, loadDocumentFile } from '@sluice/policy';
import {
  projectRoot,
  startProgram,
  startStack,
  until,
  type TestProcess,
  type TestStack,
} from '@sluice/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { adr32Faults, type Verb } from '../shared/service/testing/adr32.ts';
import { exampleBackends, found } from './support/example-backends.ts';
import { HttpClient } from './support/http.ts';
import { Load } from './support/load.ts';

/** The vectors of docs/wire.md for encoding `raw`. */
const raw = JSON.parse(readFileSync(path.join(projectRoot, 'shared/wire/vectors/raw.json'), 'utf8')) as {
  replies: {
    name: string;
    natsHeaders: string[];
    payload: string;
    response: { status: number; headers: string[]; body: string };
  }[];
  errors: { name: string; natsHeaders: string[]; status: number; detail?: string }[];
};
const bodyLimit = 1024 * 1024;
let directory: string;
let stack: TestStack;
let http: HttpClient;
let bus: Bus;
let running: TestProcess[] = [];

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'sluice-backends-'));
  stack = await startStack({ services: ['router', 'edge'], document: await exampleDocument() });
  http = new HttpClient(stack.gateway);
  bus = await connectBus({ servers: [stack.natsUrl], name: 'backends test' });
});

afterEach(async () => {
  await Promise.all(running.map((process) => process.stop()));
  running = [];
});

afterAll(async () => {
  http?.close();
  await bus?.close();
  await stack?.stop();
  await rm(directory, { recursive: true, force: true });
});

describe.each(exampleBackends)('a backend $title', (backend) => {
  const { prefix, missing } = backend;
  const order = `/v1/${prefix}/orders/1`;
  const echo = `/v1/${prefix}/echo`;
  const scenario = (name: string, run: () => Promise<void>): void =>
    test.skipIf(missing !== undefined)(missing === undefined ? name : `${name} (skipped: ${missing})`, run);
  const start = async (): Promise<TestProcess> => {
    const process = await backend.start(stack.natsUrl);
    running.push(process);
    return process;
  };
  const live = (): Promise<unknown> => answers(order, 200);
  let steady: TestProcess;

  beforeAll(() => {
    if (missing === undefined) backend.prepare(directory);
  });

  scenario('is live soon after its start, and gone after its stop', async () => {
    const process = await start();
    await live();
    await process.stop();
    const status = backend.origin === 'discovered' ? 404 : 503;
    await answers(order, status);
    const gone = await http.get(order);
    expect(gone.header('content-type')).toBe('application/problem+json');
    if (status === 503) expect(Number(gone.header('retry-after'))).toBeGreaterThan(0);
  });

  describe('that is running', () => {
    beforeAll(async () => {
      if (missing !== undefined) return;
      steady = await backend.start(stack.natsUrl);
      await live();
    });
    afterAll(async () => {
      await steady?.stop();
    });

    scenario('gets path, query and headers, and its status, headers and body reach the client', async () => {
      const answer = await http.get(`${order}?fields=item`, { 'accept-language': 'de-CH, fr' });
      expect(answer.status).toBe(200);
      expect(answer.header('content-type')).toBe('application/json');
      expect(answer.header('content-language')).toBe('de-CH, fr');
      expect(answer.json()).toMatchObject({ item: 'book', instance: steady.pid });
      if (prefix !== 'c') expect(answer.json()).not.toHaveProperty('count');
    });

    scenario('answers errors that arrive as problem documents with the request id', async () => {
      const answer = await http.get(`/v1/${prefix}/orders/77`, { 'x-request-id': 'request-77' });
      expect(answer.status).toBe(404);
      expect(answer.header('content-type')).toBe('application/problem+json');
      expect(answer.json()).toMatchObject({ status: 404, code: 'not_found', request_id: 'request-77' });
      expect(answer.json()['detail']).toMatch(/^There is no /);
    });

    scenario('gets and sends binary bodies up to the limit, repeated fields and odd statuses', async () => {
      const whole = randomBytes(bodyLimit);
      for (const [status, body] of [
        [200, Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))],
        [299, randomBytes(100_000)],
        [599, Buffer.alloc(0)],
        [200, whole],
      ] as const) {
        const answer = await http.send('POST', `${echo}?status=${status}`, {
          headers: { 'content-type': 'application/octet-stream' },
          body,
        });
        expect(answer.status).toBe(status);
        expect(answer.values('x-echo')).toEqual(['one', 'two']);
        expect(answer.header('content-type')).toBe('application/octet-stream');
        expect(Buffer.compare(answer.body, body)).toBe(0);
      }
      const tooLarge = await http.send('POST', echo, { body: Buffer.concat([whole, Buffer.alloc(1)]) });
      expect(tooLarge.status).toBe(413);
    });

    scenario('shares the load with its other instances', async () => {
      const pids = [steady, await start(), await start()].map((process) => process.pid);
      const seen = new Set<unknown>();
      await until(
        async () => {
          const answer = await http.get(order);
          expect(answer.status).toBe(200);
          seen.add(answer.json()['instance']);
          return seen.size === pids.length;
        },
        { message: 'every instance has answered' },
      );
      expect(seen).toEqual(new Set(pids));
    });

    scenario('loses no request when one of several instances is stopped under load', async () => {
      const load = new Load(stack.gateway, order);
      for (let round = 0; round < 3; round++) {
        const leaving = await start();
        await load.answered(150, leaving.pid);
        await leaving.stop();
        await load.answered(100);
      }
      expect(await load.stop()).toEqual({ statuses: [200], lost: [] });
    });
  });
});

describe('the ADR-32 service without the SDK', () => {
  const python = exampleBackends.find(({ prefix }) => prefix === 'python')!;
  test.skipIf(python.missing !== undefined)('answers discovery as ADR-32 wants it', async () => {
    running.push(await python.start(stack.natsUrl));
    for (const verb of ['PING', 'INFO', 'STATS'] satisfies Verb[]) {
      const options = { deadline: Date.now() + 5_000 };
      const reply = (await bus.request(`$SRV.${verb}.orders-python`, '', options)).json();
      expect(adr32Faults(verb, reply)).toEqual([]);
    }
  });
});

describe('a declared route', () => {
  const path = '/v1/shell/orders/1';

  test('is answered by whatever answers its subject', async () => {
    expect((await http.get(path)).status).toBe(503);
    const subscription = bus.subscribe('shell.get', (message) => message.respond('{"ok":true}'), {
      queue: 'q',
    });
    await bus.flush();
    const answer = await http.get(path);
    expect([answer.status, answer.header('content-type'), answer.text]).toEqual([
      200,
      'application/json',
      '{"ok":true}',
    ]);
    subscription.unsubscribe();
  });

  test('gets the request in headers, and what the answer says in headers becomes the response', async () => {
    let received: Record<string, string | undefined> = {};
    const subscription = bus.subscribe('shell.get', (message) => {
      const list = message.headerList();
      received = Object.fromEntries(list.flatMap((item, i) => (i % 2 === 0 ? [[item, list[i + 1]]] : [])));
      message.respond('gone', [
        'Sluice-Status',
        '410',
        'Content-Type',
        'text/plain',
        'Sluice-Header-Cache-Control',
        'no-store',
      ]);
    });
    await bus.flush();
    const answer = await http.get('/v1/shell/orders/caf%C3%A9?a=1&b=2', { 'x-request-id': 'request-9' });
    expect([
      answer.status,
      answer.header('content-type'),
      answer.header('cache-control'),
      answer.text,
    ]).toEqual([410, 'text/plain', 'no-store', 'gone']);
    expect(received).toMatchObject({
      'Sluice-Method': 'GET',
      'Sluice-Path': '/v1/shell/orders/caf%C3%A9',
      'Sluice-Query': 'a=1&b=2',
      'Sluice-Param-id': 'caf%C3%A9',
      'Sluice-Request-Id': 'request-9',
      'Sluice-Deadline': expect.stringMatching(/^\d{13}$/),
      traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/),
    });
    subscription.unsubscribe();
  });

  test.each(raw.replies)(
    'makes a response of a reply with $name',
    async ({ natsHeaders, payload, response }) => {
      const subscription = bus.subscribe('shell.get', (message) =>
        message.respond(Buffer.from(payload, 'hex'), natsHeaders),
      );
      await bus.flush();
      const answer = await http.get(path);
      expect([answer.status, answer.body.toString('hex')]).toEqual([response.status, response.body]);
      const names = response.headers.filter((_, i) => i % 2 === 0);
      for (const name of names)
        expect(answer.values(name)).toEqual(
          response.headers.filter((_, i) => i % 2 === 1 && response.headers[i - 1] === name),
        );
      if (!names.includes('content-type')) expect(answer.header('content-type')).toBeUndefined();
      subscription.unsubscribe();
    },
  );

  test.each(raw.errors)('answers $status to $name', async ({ natsHeaders, status, detail }) => {
    const subscription = bus.subscribe('shell.get', (message) => message.respond('', natsHeaders));
    await bus.flush();
    const answer = await http.get(path);
    expect([answer.status, answer.header('content-type')]).toEqual([status, 'application/problem+json']);
    if (detail === undefined) expect(answer.text).not.toContain(natsHeaders[3] ?? natsHeaders[1]);
    else expect(answer.json()['detail']).toBe(detail);
    subscription.unsubscribe();
  });

  const cli = found('nats');
  test.skipIf(!cli)(
    `is answered by the NATS command line${cli ? '' : ' (skipped: nats is not installed)'}`,
    async () => {
      running.push(startProgram('nats', ['--server', stack.natsUrl, 'reply', 'shell.get', '{"ok":true}']));
      await until(async () => (await http.get(path)).text === '{"ok":true}', {
        message: 'nats reply answers',
      });
    },
  );
});

async function answers(path: string, status: number): Promise<void> {
  const message = `${path} answers ${status}`;
  await until(async () => (await http.get(path)).status === status, { message });
}

/** The documents of the examples in one, as they are: what they say about who may call is what a reader gets. */
async function exampleDocument(): Promise<{ routes: unknown[] }> {
  const routes = await Promise.all(
    ['c-raw', 'shell'].map(async (name) => {
      const file = path.join(projectRoot, 'examples/backends', name, 'gateway.yaml');
      const loaded = await loadDocumentFile(file);
      if (!loaded.ok) throw new Error(loaded.faults.map(formatFault).join('\n'));
      return (loaded.input as { routes: unknown[] }).routes;
    }),
  );
  return { routes: routes.flat() };
}
