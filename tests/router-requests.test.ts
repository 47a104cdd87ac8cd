import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BusHandler, BusMessage, BusSubscription } from '@sluice/nats';
import { until } from '@sluice/testing';
import { decodeResponse, encodeRequest, encodeResponse, subjects } from '@sluice/wire';
import { ask, metric, startRouters, wireRequest, type RouterStack } from './router-kit.ts';

const document = `routes:
  - {id: raw, method: '*', path: '/raw/{id}', subject: test.raw, headers: [X-Tenant]}
  - {id: packed, path: /packed, subject: test.packed, encoding: msgpack}
  - {id: short, path: /short, subject: test.short, timeout: 200ms}
  - {id: nobody, path: /nobody, subject: test.nobody}
`;

let router: RouterStack;
const listening: BusSubscription[] = [];

beforeAll(async () => {
  router = await startRouters({ document });
  // The table is there when the last of its routes is: they are compiled together.
  await until(
    async () => (await ask(router.bus, 'nobody')).json['detail'] === 'No instance of the backend is there.',
  );
});
afterAll(() => router[Symbol.asyncDispose]());

/** Answers a subject until the next call for the same one. */
async function backend(subject: string, handler: BusHandler): Promise<void> {
  for (const subscription of listening) if (subscription.subject === subject) subscription.unsubscribe();
  listening.push(router.bus.subscribe(subject, handler));
  await router.bus.flush();
}

function respondRaw(message: BusMessage, body: string | Uint8Array, ...headers: string[]): void {
  message.respond(body, headers);
}

describe('a msgpack backend', () => {
  test('gets the bytes of the edge and gives its own, both untouched', async () => {
    const reply = Buffer.concat([
      encodeResponse({ status: 299, headers: ['x-a', 'ü'], body: Buffer.from([0, 255]) }),
    ]);
    const seen: { data: Buffer; deadline: string | undefined; trace: string | undefined }[] = [];
    await backend('test.packed', (message) => {
      seen.push({
        data: Buffer.from(message.data),
        deadline: message.header('Sluice-Deadline'),
        trace: message.header('traceparent'),
      });
      message.respond(reply);
    });
    const trace = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const request = wireRequest('packed', { body: Buffer.from([1, 2, 3, 0, 255]), trace });
    const payload = Buffer.from(encodeRequest(request));
    const message = await router.bus.request(subjects.route, payload, { deadline: request.deadline });
    expect(Buffer.from(message.data).equals(reply)).toBe(true);
    expect(seen).toHaveLength(1);
    expect(seen[0]?.data.equals(payload)).toBe(true);
    expect(seen[0]).toMatchObject({ deadline: String(request.deadline), trace });
  });

  test('that answers with ADR-32 error headers has failed like any service', async () => {
    await backend('test.packed', (message) =>
      respondRaw(message, '', 'Nats-Service-Error', 'no such thing', 'Nats-Service-Error-Code', '404'),
    );
    const answer = await ask(router.bus, 'packed');
    expect(answer.status).toBe(404);
    expect(answer.json).toMatchObject({ code: 'not_found', detail: 'no such thing' });
  });
});

describe('a raw backend', () => {
  test('gets the body as payload and the rest in headers', async () => {
    await backend('test.raw', (message) =>
      respondRaw(message, JSON.stringify({ headers: message.headerList(), body: message.text() })),
    );
    const answer = await ask(router.bus, 'raw', {
      method: 'POST',
      path: '/raw/a%20b',
      params: { id: 'a b' },
      query: 'x=1',
      headers: ['content-type', 'text/plain', 'x-tenant', 'one', 'x-tenant', 'two', 'cookie', 'secret'],
      body: Buffer.from('hello'),
      id: 'request-7',
    });
    const { headers, body } = answer.json as { headers: string[]; body: string };
    expect(body).toBe('hello');
    const pairs = headers.flatMap((name, i) => (i % 2 === 0 ? [`${name}: ${headers[i + 1]}`] : []));
    expect(pairs).toEqual(
      expect.arrayContaining([
        'Sluice-Method: POST',
        'Sluice-Path: /raw/a%20b',
        'Sluice-Query: x=1',
        'Sluice-Param-id: a b',
        'Sluice-Request-Id: request-7',
        'Content-Type: text/plain',
        'Sluice-Header-x-tenant: one',
        'Sluice-Header-x-tenant: two',
      ]),
    );
    expect(headers.join('\n')).not.toContain('secret');
  });

  test('answers status, repeated fields and bytes as it likes', async () => {
    const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, n) => n % 256));
    await backend('test.raw', (message) =>
      respondRaw(
        message,
        bytes,
        'Sluice-Status',
        '299',
        'Content-Type',
        'application/octet-stream',
        'Sluice-Header-Set-Cookie',
        'a=1; Path=/',
        'Sluice-Header-Set-Cookie',
        'b=2',
      ),
    );
    const answer = await ask(router.bus, 'raw');
    expect(answer.status).toBe(299);
    expect(answer.header('content-type')).toEqual(['application/octet-stream']);
    expect(answer.header('set-cookie')).toEqual(['a=1; Path=/', 'b=2']);
    expect(answer.body.equals(bytes)).toBe(true);
  });

  test('that answers nonsense is 502', async () => {
    await backend('test.raw', (message) => respondRaw(message, 'x', 'Sluice-Status', 'fine'));
    const answer = await ask(router.bus, 'raw');
    expect(answer.status).toBe(502);
    expect(answer.header('content-type')).toEqual(['application/problem+json']);
    expect(answer.json).toMatchObject({ code: 'bad_backend_response', request_id: expect.any(String) });
  });

  test('whose answer does not fit into an envelope is 502', async () => {
    const size = router.bus.maxPayload - 20;
    await backend('test.raw', (message) => respondRaw(message, Buffer.alloc(size)));
    expect((await ask(router.bus, 'raw')).status).toBe(502);
  });

  test('whose request does not fit into a message is 413', async () => {
    // Encoded for a header, the parameter takes three times the room it takes in the envelope.
    const id = 'ü'.repeat(3_000);
    const body = Buffer.alloc(router.bus.maxPayload - 7_000);
    const answer = await ask(router.bus, 'raw', { method: 'POST', params: { id }, body });
    expect(answer.json).toMatchObject({ status: 413, code: 'body_too_large' });
  });
});

describe('without an answer', () => {
  test('of nobody: 503 at once, with Retry-After', async () => {
    const answer = await ask(router.bus, 'nobody');
    expect(answer.status).toBe(503);
    expect(answer.header('retry-after')).toEqual(['1']);
    expect(answer.json).toMatchObject({ code: 'unavailable' });
    expect(answer.text).not.toContain('test.nobody');
  });

  test('in time: 504 at the deadline of the route, though the caller would wait longer', async () => {
    await backend('test.short', () => {});
    const began = performance.now();
    const answer = await ask(router.bus, 'short', { deadline: Date.now() + 20_000 });
    expect(answer.json).toMatchObject({ status: 504, code: 'deadline_exceeded' });
    // The route allows 200 ms; without that it would be the caller's twenty seconds.
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  test('a request that is too late already does not reach the backend', async () => {
    let called = 0;
    await backend('test.short', (message) => {
      called++;
      message.respond('x');
    });
    expect((await ask(router.bus, 'short', { deadline: Date.now() - 1 })).status).toBe(504);
    // One that is in time comes after it on the same connection, so the first would have been seen by now.
    expect((await ask(router.bus, 'short')).status).toBe(200);
    expect(called).toBe(1);
  });
});

describe('a route the router does not know', () => {
  test('is 503: the edge, which knows paths, has seen it', async () => {
    const answer = await ask(router.bus, 'absent');
    expect(answer.json).toMatchObject({ status: 503, code: 'unavailable' });
  });

  test('is answered when it comes a moment later', async () => {
    await backend('test.late', (message) => message.respond('late'));
    await router.writeDocument(`${document}  - {id: late, path: /late, subject: test.late}\n`);
    const answer = await until(async () => {
      const tried = await ask(router.bus, 'late');
      return tried.status === 200 ? tried : undefined;
    });
    expect(answer.text).toBe('late');
  });
});

test('what is no envelope is 400', async () => {
  const message = await router.bus.request(subjects.route, 'hello', { deadline: Date.now() + 5_000 });
  expect(decodeResponse(message.data).status).toBe(400);
});

test('requests are counted by route and outcome, and with the route the count goes', async () => {
  await router.writeDocument(document.replace('id: nobody', 'id: nobody2'));
  const { ops } = router.stack.service('router');
  await until(
    async () => (await ask(router.bus, 'nobody2')).json['detail'] === 'No instance of the backend is there.',
  );
  expect(
    await metric(ops, 'sluice_router_requests_total', { route: 'nobody2', outcome: 'unavailable' }),
  ).toBeGreaterThan(0);
  expect(await metric(ops, 'sluice_router_requests_total', { route: 'nobody' })).toBe(0);
});
