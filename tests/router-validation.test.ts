import type { MicroService } from '@sluice/service';
import { until } from '@sluice/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask, startPlainService, startRouters, type Answer, type RouterStack } from './router-kit.ts';

/** Requests that do not fit the schema of their route, on real routers, with backends that would answer anything. */

const document = `defaults: {auth: public}
routes:
  - id: declared
    method: POST
    path: /v1/declared/{id}
    subject: plain.create
    schema:
      params: {type: object, properties: {id: {type: integer}}}
      body: {type: object, properties: {amount: {type: integer}}, required: [amount], additionalProperties: false}
`;

const schema = {
  query: { type: 'object', properties: { limit: { type: 'integer', maximum: 10 } }, required: ['limit'] },
};

let router: RouterStack;
let plain: MicroService;
/** What the service answers on its schema subject; null: nothing. */
let answer: string | null = JSON.stringify(schema);
let unanswered = 0;

beforeAll(async () => {
  router = await startRouters({ document, env: { SLUICE_SCHEMA_MAX_AGE_MS: '100' } });
  router.bus.subscribe('plain.schema', (message) => {
    if (answer === null) unanswered++;
    else message.respond(answer);
  });
  plain = await startPlainService(router.bus, 'plain', {
    create: {},
    list: { 'sluice.route': 'GET /v1/list', 'sluice.auth': 'public', 'sluice.schema': 'plain.schema' },
    own: {
      'sluice.route': 'GET /v1/own',
      'sluice.auth': 'public',
      'sluice.schema': 'plain.schema',
      'sluice.validate': 'service',
    },
  });
  await until(async () => (await ask(router.bus, 'plain.own')).status === 200, { timeoutMs: 30_000 });
});
afterAll(async () => {
  await plain?.stop();
  await router?.[Symbol.asyncDispose]();
});

const errors = (response: Answer): unknown => response.json['errors'];

describe('a declared route with schemas', () => {
  const create = (id: string, body: string) =>
    ask(router.bus, 'declared', {
      method: 'POST',
      params: { id },
      headers: ['content-type', 'application/json'],
      body: Buffer.from(body),
    });

  test('calls its backend with what fits, untouched', async () => {
    await until(async () => (await create('7', '{"amount": 5}')).status === 200);
    expect((await create('7', '{"amount": 5}')).text).toBe('create');
  });

  test('refuses what does not, with every place', async () => {
    const refused = await create('x', '{"amount":"5","more":1}');
    expect(refused.status).toBe(400);
    expect(refused.json).toMatchObject({ code: 'invalid_parameters', title: 'Invalid parameters' });
    expect(errors(refused)).toEqual([
      { in: 'path', pointer: '/id', detail: 'must be integer' },
      { in: 'body', pointer: '/more', detail: 'is not known here' },
      { in: 'body', pointer: '/amount', detail: 'must be integer' },
    ]);
  });
});

describe('an announced route of a service that checks nothing itself', () => {
  const list = (query: string) => ask(router.bus, 'plain.list', { query });

  test('is checked against what its schema subject answers', async () => {
    expect((await list('limit=5')).status).toBe(200);
    const refused = await list('limit=11');
    expect(refused.status).toBe(400);
    expect(errors(refused)).toEqual([{ in: 'query', pointer: '/limit', detail: 'must be <= 10' }]);
  });

  test('is not checked where the service says that it does so itself', async () =>
    expect((await ask(router.bus, 'plain.own', { query: 'limit=11' })).status).toBe(200));

  test('follows a schema that changes, keeps the last one while nobody answers, and is closed while it is no schema', async () => {
    answer = JSON.stringify({
      query: { type: 'object', properties: { limit: { type: 'integer', maximum: 20 } } },
    });
    await until(async () => (await list('limit=11')).status === 200);
    expect((await list('limit=21')).status).toBe(400);

    answer = null;
    unanswered = 0;
    // Asked again, and the first question given up: only a request makes the router ask.
    await until(
      async () => {
        expect((await list('limit=21')).status).toBe(400);
        expect((await list('limit=11')).status).toBe(200);
        return unanswered >= 2;
      },
      { timeoutMs: 30_000 },
    );

    answer = JSON.stringify({ query: { type: 'no such type' } });
    await until(async () => (await list('limit=1')).status === 503);
    const closed = await list('limit=1');
    expect(closed.json).toMatchObject({ code: 'unavailable' });
    expect(closed.header('retry-after')).toEqual(['5']);

    answer = JSON.stringify(schema);
    await until(async () => (await list('limit=1')).status === 200);
  });
});
