import { consumerSchema, gatewaySchema } from '@sluice/policy';
import { plainRoute, type CompiledRoute } from '@sluice/routes';
import { beforeEach, describe, expect, it } from 'vitest';
import { compileMeters, type Meters } from './meter.ts';
import { Plans } from './plans.ts';

const document = gatewaySchema.parse({
  limits: {
    all: { limit: 1_000, window: '10s', key: ['address'] },
    search: { limit: 100, window: '1m', burst: 20 },
    own: { limit: 50, window: '1h' },
  },
  quotas: {
    daily: { limit: 5_000, period: 'day' },
    monthly: { limit: 100_000, period: 'month' },
  },
});
const counts = { admitted: 0, refused: 0, emergency: 0, unavailable: 0, queued: 0 };
const route = (limits: readonly string[], cost = 1): CompiledRoute =>
  ({ ...plainRoute, id: 'find', path: '/v1/find', limits, cost }) as never;
const acme = consumerSchema.parse({ id: 'acme', limits: ['own', 'all'], quotas: ['daily', 'monthly'] });

let unknown: string[];
let plans: Plans;
beforeEach(() => {
  unknown = [];
  const meters: Meters = compileMeters(document, new Map(), () => counts);
  plans = new Plans(meters, (policy, of) => unknown.push(`${of}: ${policy}`));
});

describe('what a call spends', () => {
  it('is nothing where nobody has said anything', () => {
    expect(plans.of(route([]), null)).toBeNull();
    expect(plans.of(route([]), consumerSchema.parse({ id: 'free' }))).toBeNull();
  });

  it('is the limits of its route, then the consumer’s own and its quotas, each once', () => {
    const find = route(['all', 'search'], 5);
    const anonymous = plans.of(find, null);
    expect(anonymous?.policyField).toBe('"all";q=1000;w=10, "search";q=100;w=60, "search.burst";q=20;w=1');
    expect(anonymous?.cost).toBe(5);
    expect(plans.of(find, acme)?.policyField).toBe(
      `${anonymous?.policyField}, "own";q=50;w=3600, "daily";q=5000;w=86400, "monthly";q=100000`,
    );
  });

  it.each(['/v1/usage', '/admin/v1/consumers'])('is no quota at %s', (path) => {
    const own = { ...route(['all']), path };
    expect(plans.of(own, acme)?.policyField).toBe('"all";q=1000;w=10, "own";q=50;w=3600');
  });

  it('is compiled once for a route and a consumer', () => {
    const find = route(['all']);
    expect(plans.of(find, null)).toBe(plans.of(find, null));
    expect(plans.of(find, acme)).toBe(plans.of(find, acme));
    expect(plans.of(find, acme)).not.toBe(plans.of(find, null));
  });

  it('leaves out limits that the document does not have, and tells of them', () => {
    expect(plans.of(route(['gone', 'all']), null)?.policyField).toBe('"all";q=1000;w=10');
    expect(unknown).toEqual(['find: gone']);
  });
});
