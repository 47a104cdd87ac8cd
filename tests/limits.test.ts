import { connectBus, openBucket, type Bus } from '@sluice/nats';
import { readUsage } from '@sluice/limits';
import {
  applyDocument,
  consumersBucket,
  encodeKey,
  gatewaySchema,
  keyEntryKey,
  makeApiKey,
  type GatewayInput,
} from '@sluice/policy';
import { startStack, until, type StackService, type TestStack } from '@sluice/testing';
import { parseList, type Item } from 'structured-headers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HttpClient, type HttpAnswer } from './support/http.ts';

const patient = { timeoutMs: 60_000 };

const document = {
  defaults: { auth: 'public' },
  limits: {
    shared: { limit: 20, window: '1m', key: ['header:x-key'] },
    quick: { limit: 10, window: '1s', key: ['header:x-key'] },
    wide: { limit: 300, window: '1m', key: ['header:x-key'], emergency: 1 },
    strict: { limit: 1_000, window: '1m', key: ['header:x-key'], on_failure: 'closed' },
    lenient: { limit: 1_000, window: '1m', key: ['header:x-key'], emergency: 3 },
    changing: { limit: 30, window: '1m', key: ['header:x-key'] },
  },
  quotas: { monthly: { limit: 15, period: 'month', on_failure: 'closed' } },
  consumers: [{ id: 'acme', quotas: ['monthly'] }],
  routes: [
    ...['shared', 'quick', 'wide', 'strict', 'lenient', 'changing'].map((limit) => ({
      id: limit,
      path: `/v1/${limit}`,
      subject: 'test.answer',
      limits: [limit],
    })),
    { id: 'both', path: '/v1/both', subject: 'test.answer', limits: ['strict', 'shared'], cost: 5 },
    { id: 'mine', path: '/v1/mine', subject: 'test.answer', auth: ['key'] },
  ],
} satisfies GatewayInput;

let stack: TestStack;
let bus: Bus;
let edges: HttpClient[];

beforeAll(async () => {
  stack = await startStack({
    locked: true,
    services: ['admin', 'router', 'ratelimit', 'ratelimit', 'edge', 'edge'],
    document,
    // Long enough that no lease is given up on a machine that is busy with other tests.
    env: { SLUICE_EDGE_LIMIT_TIMEOUT: '4000' },
  });
  bus = await connectBus({ servers: [stack.natsUrl], name: 'test' });
  bus.subscribe('test.answer', (message) => message.respond('"ok"'));
  connectEdges();
  await until(() => everyEdge((http) => http.get('/v1/strict', { 'x-key': 'warm' }), 200), patient);
}, 240_000);
afterAll(async () => {
  edges?.forEach((http) => http.close());
  await bus?.close();
  await stack?.stop();
});

function running(name: string): StackService[] {
  return stack.services.filter((service) => service.name === name && service.process.running);
}

function connectEdges(): void {
  edges?.forEach((http) => http.close());
  edges = running('edge').map(({ gateway }) => new HttpClient(gateway as string));
}

async function everyEdge(call: (http: HttpClient) => Promise<HttpAnswer>, status: number): Promise<boolean> {
  return (await Promise.all(edges.map(call))).every((answer) => answer.status === status);
}

/** Calls that many times, by turns through the edges, `atOnce` at a time. */
async function calls(path: string, key: string, count: number, atOnce = 4): Promise<HttpAnswer[]> {
  const answers: HttpAnswer[] = [];
  let sent = 0;
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (sent < count) {
        const http = edges[sent++ % edges.length] as HttpClient;
        answers.push(await http.get(path, { 'x-key': key }));
      }
    }),
  );
  return answers;
}

function passed(answers: readonly HttpAnswer[]): number {
  return answers.filter(({ status }) => status === 200).length;
}

/** Members of a `RateLimit` field by policy name. */
function limitsOf(answer: HttpAnswer, field: 'ratelimit' | 'ratelimit-policy'): Record<string, unknown> {
  const items = parseList(answer.header(field) ?? '') as Item[];
  return Object.fromEntries(items.map(([name, members]) => [name, Object.fromEntries(members)]));
}

describe('limits at a running gateway', () => {
  it('hold across edges and workers, per key, and every answer tells about them', async () => {
    const answers = await calls('/v1/shared', 'one', 60);
    expect(passed(answers)).toBeLessThanOrEqual(20);
    expect(passed(answers)).toBeGreaterThan(15);
    for (const answer of answers) {
      expect(limitsOf(answer, 'ratelimit-policy')).toEqual({ shared: { q: 20, w: 60 } });
      const { r, t } = limitsOf(answer, 'ratelimit')['shared'] as { r: number; t: number };
      expect(r).toBeGreaterThanOrEqual(0);
      expect(r).toBeLessThan(20);
      expect(t).toBeGreaterThan(0);
      expect(t).toBeLessThanOrEqual(66);
      if (answer.status === 200) continue;
      expect(answer.status).toBe(429);
      expect(answer.json()).toMatchObject({ code: 'too_many_requests', status: 429 });
      const retryAfter = Number(answer.header('retry-after'));
      expect(retryAfter).toBeGreaterThan(0);
      expect(retryAfter).toBeLessThanOrEqual(66);
    }
    expect(passed(await calls('/v1/shared', 'two', 5))).toBe(5);
  });

  it('of several policies the strictest decides, all are told, and what one refuses the other has not spent', async () => {
    const answers = await calls('/v1/both', 'both', 40, 1);
    expect(passed(answers)).toBeLessThanOrEqual(4);
    expect(passed(answers)).toBeGreaterThan(0);
    const last = answers.at(-1) as HttpAnswer;
    expect(last.status).toBe(429);
    expect(limitsOf(last, 'ratelimit-policy')).toEqual({
      strict: { q: 1_000, w: 60 },
      shared: { q: 20, w: 60 },
    });
    const left = limitsOf(last, 'ratelimit') as Record<string, { r: number }>;
    expect(left['shared']?.r).toBeLessThan(5);
    // Forty refused calls would have cost two hundred; what edges hold in their leases is not spent either.
    expect(left['strict']?.r).toBeGreaterThan(950);
  });

  it('a client that never stops is let pass again and again', async () => {
    let admitted = 0;
    let refused = 0;
    const started = performance.now();
    await until(async () => {
      for (const { status } of await calls('/v1/quick', 'busy', 20)) {
        if (status === 200) admitted++;
        else if (status === 429) refused++;
        else throw new Error(`status ${status}`);
      }
      return admitted >= 40 && refused > 0;
    }, patient);
    const windows = Math.ceil((performance.now() - started) / 1_000) + 1;
    expect(admitted).toBeLessThanOrEqual(10 * windows);
  });

  it('a worker that is killed takes nothing along but a moment', async () => {
    const load = calls('/v1/wide', 'killed', 600, 8);
    const [victim] = running('ratelimit');
    await victim?.process.kill();
    const answers = await load;
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 429]));
    expect(passed(answers)).toBeLessThanOrEqual(300 + edges.length);
    expect(passed(await calls('/v1/wide', 'afterwards', 20))).toBe(20);
    await stack.start('ratelimit');
  });

  it('change with the document within a second, and count what was used before', async () => {
    expect(passed(await calls('/v1/changing', 'k', 12))).toBe(12);
    const change = async (limit: number): Promise<void> => {
      const limits = { ...document.limits, changing: { ...document.limits.changing, limit } };
      await applyDocument(bus, { ...document, limits }, { expectedRevision: null, author: 'test' });
      const told = (http: HttpClient) =>
        http
          .get('/v1/changing', { 'x-key': 'probe' })
          .then((answer) => limitsOf(answer, 'ratelimit-policy')['changing'] as { q: number });
      await until(async () => (await Promise.all(edges.map(told))).every(({ q }) => q === limit), patient);
    };
    await change(10);
    expect(passed(await calls('/v1/changing', 'k', 6))).toBe(0);
    await change(16);
    const raised = passed(await calls('/v1/changing', 'k', 30));
    expect(raised).toBeLessThanOrEqual(4);
    expect(raised).toBeGreaterThan(0);
  });
});

describe('quotas', () => {
  // Begins anew where a month ends in the middle of it.
  it('survive that everything is restarted, NATS too', { retry: 1 }, async () => {
    const key = makeApiKey();
    const entry = { id: key.id, consumer: 'acme', hash: key.hash, name: '', created: Date.now() };
    const consumers = await openBucket(bus, { name: consumersBucket });
    await consumers.put(keyEntryKey(key.id), encodeKey({ ...entry, expires: null, disabled: false }));
    const mine = (http: HttpClient) => http.get('/v1/mine', { 'x-api-key': key.text });
    const acme = { id: 'acme', quotas: ['monthly'] };
    const usage = async () => (await readUsage(bus, acme, gatewaySchema.parse(document)))[0]?.used ?? -1;
    const before = await usage();
    for (let n = 0; n < 6; n++) expect((await mine(edges[n % 2] as HttpClient)).status).toBe(200);

    await Promise.all(['edge', 'ratelimit', 'router'].flatMap(running).map((each) => each.process.stop()));
    expect(await usage()).toBe(before + 6);
    await stack.nats.kill();
    await stack.nats.restart();
    await Promise.all(['router', 'ratelimit', 'ratelimit', 'edge', 'edge'].map((name) => stack.start(name)));
    connectEdges();
    await until(() => bus.connected, patient);
    await until(() => everyEdge((http) => http.get('/v1/strict', { 'x-key': 'back' }), 200), patient);

    const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => mine(edges[n % 2] as HttpClient)));
    const refused = answers.filter(({ status }) => status !== 200);
    expect(answers.length - refused.length).toBeLessThanOrEqual(15 - 6 - before);
    expect(answers.length - refused.length).toBeGreaterThan(0);
    for (const answer of refused) {
      expect(answer.status).toBe(429);
      expect(answer.json()).toMatchObject({ code: 'quota_exceeded' });
      expect(Number(answer.header('retry-after'))).toBeGreaterThan(0);
      expect(limitsOf(answer, 'ratelimit-policy')).toEqual({ monthly: { q: 15 } });
    }
    await until(async () => (await usage()) <= 15, patient);
    // Who has used up a quota can still see that, as often as he likes.
    const seen = await (edges[0] as HttpClient).get('/v1/usage', { 'x-api-key': key.text });
    expect(seen.json()).toMatchObject({ consumer: 'acme', quotas: [{ quota: 'monthly', limit: 15 }] });
    expect(seen.header('ratelimit')).toBeUndefined();
  });
});

describe('when no worker is there', () => {
  it('a closed policy answers 503, an open one lets its emergency limit pass; both recover', async () => {
    await Promise.all(running('ratelimit').map(({ process }) => process.kill()));
    const refused = await (edges[0] as HttpClient).get('/v1/strict', { 'x-key': 'alone' });
    expect(refused.status).toBe(503);
    expect(refused.json()).toMatchObject({ code: 'unavailable' });
    expect(refused.header('retry-after')).toBe('1');
    const answers = await calls('/v1/lenient', 'alone', 20);
    expect(passed(answers)).toBe(3 * edges.length);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 429]));
    await stack.start('ratelimit');
    await until(() => everyEdge((http) => http.get('/v1/strict', { 'x-key': 'alone' }), 200), patient);
    const { ops } = running('edge')[0] as StackService;
    const metrics = await (await fetch(`${ops}/metrics`)).text();
    expect(metrics).toMatch(/sluice_edge_limit_calls_total\{policy="lenient",outcome="emergency"[^}]*\} 3/);
    expect(metrics).toMatch(/sluice_edge_limit_calls_total\{policy="strict",outcome="unavailable"/);
  });
});
