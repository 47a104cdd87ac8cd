import { Registry } from '@sluice/telemetry';
import { expect, it } from 'vitest';
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

it('forgets routes that nobody calls any more, and keeps those in use', async () => {
  const registry = new Registry();
  const metrics = edgeMetrics(registry);
  for (let i = 0; i < 20_000; i++) {
    metrics.observe(exchange(`/churn/${i}`), 200, 1);
    metrics.observe(exchange('/stays'), 200, 1);
  }
  expect(metrics.labelSets).toBeLessThanOrEqual(4_000);
  const lines = (await registry.metrics()).split('\n');
  expect(lines.length).toBeLessThan(80_000);
  const countOf = (path: string) =>
    lines.find((line) => line.startsWith('sluice_edge_requests_total') && line.includes(`"${path}"`));
  expect(countOf('/stays')).toMatch(/ 20000$/);
  expect(countOf('/churn/0')).toBeUndefined();
  expect(countOf('/churn/19999')).toMatch(/ 1$/);
  expect(lines).toContain('sluice_edge_request_seconds_count{route="/stays"} 20000');
  expect(lines.filter((line) => line.includes('"/churn/0"'))).toEqual([]);
});

it('gives unusual methods one label', async () => {
  const registry = new Registry();
  const metrics = edgeMetrics(registry);
  for (const method of ['BREW', 'PURGE', 'MKCOL', '']) metrics.observe(exchange('/x', method), 405, 1);
  expect(metrics.labelSets).toBe(1);
  expect(await registry.metrics()).toContain('method="other",status="4xx"} 4');
});
