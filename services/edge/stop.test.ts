import { RawClient, until } from '@sluice/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { stopEdge } from './stop.ts';
import { startTestEdge, type TestEdge } from './testing/test-edge.ts';

let edge: TestEdge;
let steps: string[];
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;

beforeEach(async () => {
  edge = await startTestEdge();
  await edge.route({ path: '/v1/thing' });
  steps = [];
});
afterEach(() => edge.stop());

function stop(options: { drainDelayMs?: number; graceMs?: number } = {}): Promise<void> {
  const step = (name: string) => async () => void steps.push(name);
  return stopEdge({
    setNotReady: () => steps.push('not ready'),
    drainDelayMs: options.drainDelayMs ?? 0,
    graceMs: options.graceMs ?? 10_000,
    http: {
      drain: () => {
        steps.push('stop accepting');
        edge.http.drain();
      },
      close: async (graceMs) => {
        await edge.http.close(graceMs);
        steps.push('connections closed');
      },
    },
    inFlight: edge.phases.inFlight,
    live: { close: async (reason) => void steps.push(`live closed: ${reason}`) },
    withdraw: step('withdrawn'),
    bus: { close: step('bus closed') },
    ops: { close: step('ops closed') },
    logger: { info: () => {}, warn: () => steps.push('gave up') },
  });
}

it('goes through its steps in order', async () => {
  await stop();
  expect(steps).toEqual([
    'not ready',
    'stop accepting',
    'live closed: the gateway is restarting',
    'connections closed',
    'withdrawn',
    'bus closed',
    'ops closed',
  ]);
});

it('serves as before while load balancers take notice', async () => {
  const stopped = stop({ drainDelayMs: 300 });
  const client = await RawClient.open(edge.url);
  client.send(get('/v1/thing'));
  expect((await client.response()).header('connection')).toBe('keep-alive');
  expect(steps).toEqual(['not ready']);
  await stopped;
  await client.ended();
});

it('finishes what is in flight, takes nothing new, and tells clients that the connection ends', async () => {
  const release = Promise.withResolvers<void>();
  edge.backend = async () => {
    await release.promise;
    return { body: Buffer.from('late but whole') };
  };
  const busy = await RawClient.open(edge.url);
  const idle = await RawClient.open(edge.url);
  idle.send(get('/nowhere'));
  await idle.response();
  busy.send(get('/v1/thing'));
  await until(() => edge.received.length === 1);

  const stopped = stop();
  await until(() => steps.includes('stop accepting'));
  await idle.ended();
  await expect(RawClient.open(edge.url)).rejects.toThrow('ECONNREFUSED');
  expect(steps).not.toContain('live closed: the gateway is restarting');
  release.resolve();
  const response = await busy.response();
  expect([response.body.toString(), response.header('connection')]).toEqual(['late but whole', 'close']);
  await busy.ended();
  await stopped;
});

it('waits for a client that is still taking its answer', async () => {
  const body = Buffer.alloc(6 * 1024 * 1024, 5);
  edge.backend = () => ({ body });
  const client = await RawClient.open(edge.url);
  client.socket.pause();
  client.send(get('/v1/thing'));
  await until(() => edge.records.length === 1);
  const stopped = stop();
  await until(() => steps.some((step) => step.startsWith('live closed')));
  client.socket.resume();
  expect((await client.response()).body.equals(body)).toBe(true);
  await stopped;
});

it('gives up on what takes longer than its grace', async () => {
  edge.backend = () => new Promise(() => {});
  const client = await RawClient.open(edge.url);
  const silent = await RawClient.open(edge.url);
  client.send(get('/v1/thing'));
  await until(() => edge.received.length === 1);
  await stop({ graceMs: 100 });
  expect(steps).toContain('gave up');
  await Promise.all([client.ended(), silent.ended()]);
});
