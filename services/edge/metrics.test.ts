import { Registry } from '@sluice/telemetry';
import { afterEach, expect, it, vi } from 'vitest';
import { Exchange, type Outlet } from './exchange.ts';
import { readFields } from './http/request-fields.ts';
import { edgeMetrics } from './metrics.ts';

function exchange(label: string, method = 'GET'): Exchange {
  const made = new Exchange({
    outlet: {} as Outlet,
    method,
    target: '/',
    version: '1.1',
    fields: readFields([]),
    client: '',
  });
  made.label = label;
  return made;
}

afterEach(() => {
  vi.useRealTimers();
});

it('forgets routes that nobody calls any more, and keeps those in use', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  const registry = new Registry();
  const metrics = edgeMetrics(registry);
  for (let i = 0; i < 20_000; i++) {
    metrics.observe(exchange(`/churn/${i}`), 200, 1);
    metrics.observe(exchange('/stays'), 200, 1);
    vi.advanceTimersByTime(100);
  }
  expect(metrics.labelSets).toBeLessThanOrEqual(4_000);
  const lines = (await registry.metrics()).split('\n');
  expect(lines.length).toBeLessThan(80_000);
  expect(countOf(lines, '/stays')).toMatch(/ 20000$/);
  expect(countOf(lines, '/churn/0')).toBeUndefined();
  expect(countOf(lines, '/churn/19999')).toMatch(/ 1$/);
  expect(lines).toContain('sluice_edge_request_seconds_count{route="/stays"} 20000');
  expect(lines.filter((line) => line.includes('"/churn/0"'))).toEqual([]);
});

it('counts together the routes that find no room beside those in use', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  const registry = new Registry();
  const metrics = edgeMetrics(registry);
  for (let round = 0; round < 2; round++)
    for (let i = 0; i < 5_000; i++) metrics.observe(exchange(`/used/${i}`), 200, 1);
  expect(metrics.labelSets).toBe(4_001);
  const lines = (await registry.metrics()).split('\n');
  expect(countOf(lines, '/used/0')).toMatch(/ 2$/);
  expect(countOf(lines, '/used/3999')).toMatch(/ 2$/);
  expect(countOf(lines, '/used/4000')).toBeUndefined();
  expect(countOf(lines, '(other)')).toMatch(/ 2000$/);
});

function countOf(lines: readonly string[], route: string): string | undefined {
  return lines.find((line) => line.startsWith('sluice_edge_requests_total') && line.includes(`"${route}"`));
}

it('gives unusual methods one label', async () => {
  const registry = new Registry();
  const metrics = edgeMetrics(registry);
  for (const method of ['BREW', 'PURGE', 'MKCOL', '']) metrics.observe(exchange('/x', method), 405, 1);
  expect(metrics.labelSets).toBe(1);
  expect(await registry.metrics()).toContain('method="other",status="4xx"} 4');
});
