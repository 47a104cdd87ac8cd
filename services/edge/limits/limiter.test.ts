import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { GiveBack, Grant, Want } from '@sluice/limits';
import { gatewaySchema, type GatewayInput } from '@sluice/policy';
import { plainRoute, type CompiledRoute } from '@sluice/routes';
import { parseList } from 'structured-headers';
import { describe, expect, it } from 'vitest';
import type { Leaser } from './lease-client.ts';
import { Limiter, type LimitedCall } from './limiter.ts';
import { compileMeters, type Meters } from './meter.ts';
import { Plans } from './plans.ts';

/** A leaser that the test plays: every question waits for `answer`, or is answered at once. */
class FakeLeaser implements Leaser {
  up = true;
  readonly asked: (readonly Want[])[] = [];
  readonly returned: GiveBack[] = [];
  readonly #waiting: ((grants: Grant[] | null) => void)[] = [];
  /** Answers at once what it gives; null waits for `answer`. */
  always: ((want: Want) => Grant) | null = null;
  readonly now: () => number;

  constructor(now: () => number) {
    this.now = now;
  }

  available(): boolean {
    return this.up;
  }

  ask(wants: readonly Want[]) {
    this.asked.push(wants);
    const sentAt = this.now();
    if (this.always !== null) return Promise.resolve({ grants: wants.map(this.always), sentAt });
    return new Promise<{ grants: Grant[]; sentAt: number }>((resolve, reject) =>
      this.#waiting.push((grants) => (grants ? resolve({ grants, sentAt }) : reject(new Error('nobody')))),
    );
  }

  /** Answers the oldest question that waits; null: nobody did. */
  async answer(grants: Grant[] | null): Promise<void> {
    this.#waiting.shift()?.(grants);
    await new Promise(setImmediate);
  }

  giveBack(entries: readonly GiveBack[]): void {
    this.returned.push(...entries);
  }
}

const granted = (n: number, more: Partial<Grant> = {}): Grant => ({
  place: '1',
  n,
  forMs: 4_000,
  left: 50,
  resetMs: 6_000,
  retryMs: 0,
  ...more,
});
const usedUp = (retryMs: number): Grant => granted(0, { left: 0, retryMs, resetMs: retryMs });

function kit(input: GatewayInput, route: Partial<CompiledRoute>, mostKeys = 1_000) {
  let time = 1_000;
  const now = () => time;
  const leaser = new FakeLeaser(now);
  const counts = { admitted: 0, refused: 0, emergency: 0, unavailable: 0, queued: 0 };
  let meters: Meters = new Map();
  let plans = new Plans(meters, () => {});
  const limiter = new Limiter({
    leaser,
    now,
    mostKeys,
    planOf: (call) => (call.route === null ? null : plans.of(call.route, null)),
    wake: () => {},
  });
  const apply = (document: GatewayInput): void => {
    meters = compileMeters(gatewaySchema.parse(document), meters, () => counts);
    plans = new Plans(meters, () => {});
    limiter.retire();
  };
  apply(input);
  const compiled = { ...plainRoute, id: 'r', ...route } as CompiledRoute;
  const call = (client = '192.0.2.1') => {
    const headers: string[] = [];
    const outlet = { gone: false };
    const made: LimitedCall = {
      client,
      caller: null,
      route: compiled,
      fields: { endToEnd: [] } as never,
      outlet,
      addHeaders: (fields) => headers.push(...fields),
    };
    let state = 'waits';
    const settle = (outcome: string) => () => {
      state = outcome;
    };
    let pending: void | Promise<void> = undefined;
    try {
      pending = limiter.admit(made);
      if (pending === undefined) state = 'passed at once';
    } catch (error) {
      state = (error as { code: string }).code;
    }
    const seen = pending?.then(settle('passed'), (error: { code: string; retryAfter: number }) =>
      settle(`${error.code} ${error.retryAfter}`)(),
    );
    return { headers, outlet, seen, state: () => state };
  };
  return {
    limiter,
    leaser,
    counts,
    apply,
    call,
    pass: (ms: number) => {
      time += ms;
      limiter.tick();
    },
  };
}

const two: GatewayInput = {
  limits: {
    a: { limit: 100, window: '1m', key: ['address'] },
    b: { limit: 10, window: '10s', key: ['route'], on_failure: 'closed' },
  },
};

describe('a call', () => {
  it('without limits costs nothing', () => {
    const { call, leaser } = kit(two, {});
    expect(call().state()).toBe('passed at once');
    expect(leaser.asked).toEqual([]);
  });

  it('asks for all that it lacks in one message, and others of its key wait for the same', async () => {
    const { call, leaser } = kit(two, { limits: ['a', 'b'] });
    const calls = [call(), call(), call()];
    expect(leaser.asked.length).toBe(1);
    expect(leaser.asked[0]?.map(({ n, need, limit }) => [n, need, limit])).toEqual([
      [1, 1, 100],
      [1, 1, 10],
    ]);
    await leaser.answer([granted(1), granted(1)]);
    expect(calls.map(({ state }) => state())).toEqual(['passed', 'waits', 'waits']);
    // Now it is known how many wait.
    expect(leaser.asked[1]?.map(({ n }) => n)).toEqual([2, 1]);
    await leaser.answer([granted(2), granted(1)]);
    await leaser.answer([granted(1)]);
    expect(calls.map(({ state }) => state())).toEqual(['passed', 'passed', 'passed']);
  });

  it('that finds its leases is decided at once, and told what is left', async () => {
    const { call, leaser, pass } = kit(two, { limits: ['a', 'b'], cost: 2 });
    const first = call();
    await leaser.answer([granted(8), granted(8, { left: 2, resetMs: 2_500 })]);
    await first.seen;
    pass(100);
    const next = call();
    expect(next.state()).toBe('passed at once');
    const [, policies, , limits] = next.headers as [string, string, string, string];
    expect(policies).toBe('"a";q=100;w=60, "b";q=10;w=10');
    expect(limits).toBe('"a";r=54;t=6, "b";r=6;t=3');
    expect(parseList(limits).map(([name]) => name)).toEqual(['a', 'b']);
  });

  it('that one of its limits refuses spends nothing of the others', async () => {
    const { call, leaser, counts, pass } = kit(two, { limits: ['a', 'b'] });
    const first = call();
    await leaser.answer([granted(5, { forMs: 5_000 }), usedUp(4_200)]);
    await first.seen;
    expect(first.state()).toBe('too_many_requests 5');
    expect(first.headers[3]).toBe('"a";r=55;t=6, "b";r=0;t=5');
    // Known without asking, until it may have changed.
    const second = call();
    await second.seen;
    expect([second.state(), leaser.asked.length]).toEqual(['too_many_requests 5', 1]);
    expect(counts).toMatchObject({ admitted: 0, refused: 2 });
    pass(4_200);
    const third = call();
    expect(leaser.asked[1]?.map(({ counter }) => counter.split('.')[0])).toEqual(['b']);
    await leaser.answer([granted(1)]);
    expect(third.state()).toBe('passed');
    pass(1_250);
    expect(leaser.returned).toEqual([
      expect.objectContaining({ kind: 'window', windowMs: 60_000, place: '1', n: 4 }),
    ]);
  });

  it('that costs more than a limit is ever refused, without a message', async () => {
    const { call, leaser } = kit(two, { limits: ['b'], cost: 11 });
    const big = call();
    await big.seen;
    expect([big.state(), leaser.asked.length]).toEqual(['too_many_requests 10', 0]);
  });

  it('whose client has gone spends nothing', async () => {
    const { call, leaser, counts } = kit(two, { limits: ['b'] });
    const gone = call();
    gone.outlet.gone = true;
    await leaser.answer([granted(1)]);
    await gone.seen;
    expect(counts.admitted).toBe(0);
  });

  it('waits as its policy says, and not where tokens come back too late for it', async () => {
    const { call, leaser, pass, counts } = kit(
      { limits: { a: { limit: 2, window: '20s', key: ['address'], throttle: { delay: '3s' } } } },
      { limits: ['a'] },
    );
    const late = call();
    await leaser.answer([usedUp(3_100)]);
    expect(late.state()).toBe('too_many_requests 4');
    pass(200);
    const early = call();
    expect(early.state()).toBe('waits');
    pass(200);
    await leaser.answer([usedUp(2_700)]);
    pass(400);
    await leaser.answer([granted(1, { left: 0 })]);
    await early.seen;
    expect([early.state(), counts.queued]).toEqual(['passed', 1]);
  });

  it('goes by its policies while nobody grants leases', async () => {
    const { call, leaser } = kit(two, { limits: ['a', 'b'] });
    const waiting = call();
    leaser.up = false;
    await leaser.answer(null);
    expect(waiting.state()).toBe('unavailable 1');
    const open = kit(two, { limits: ['a'] });
    open.leaser.up = false;
    const calls = Array.from({ length: 12 }, () => open.call());
    for (const { seen } of calls) await seen;
    expect(calls.filter((one) => one.state() === 'passed').length).toBe(10);
    expect(calls.filter((one) => one.state().startsWith('too_many_requests')).length).toBe(2);
    // Clients are told what this edge lets pass by itself, not what nobody can grant.
    expect(calls.map(({ headers }) => /r=(\d+)/.exec(headers[3] ?? '')?.[1])).toEqual(
      [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0].map(String),
    );
    open.leaser.up = true;
    open.leaser.always = () => granted(4);
    const again = open.call();
    await again.seen;
    expect(again.headers[3]).toMatch(/^"a";r=53;/);
  });
});

describe('a change of the document', () => {
  it('keeps leases of limits that stay, returns those of others, and lets calls that wait begin anew', async () => {
    const { call, leaser, apply, pass } = kit(two, { limits: ['a', 'b'] });
    const first = call();
    await leaser.answer([granted(5), granted(5)]);
    await first.seen;
    apply({
      limits: { ...two.limits, b: { limit: 20, window: '10s', key: ['route'], on_failure: 'closed' } },
    });
    pass(0);
    expect(leaser.returned).toEqual([expect.objectContaining({ windowMs: 10_000, n: 4 })]);
    const waiting = call();
    expect(leaser.asked[1]?.map(({ limit }) => limit)).toEqual([20]);
    // While its lease is on the way the limit goes away altogether.
    apply({ limits: { a: two.limits!['a']! } });
    await waiting.seen;
    expect(waiting.state()).toBe('passed');
    await leaser.answer([granted(3)]);
    pass(0);
    expect(leaser.returned.at(-1)).toMatchObject({ windowMs: 10_000, n: 3 });
  });
});

describe('a hot key', () => {
  it('asks for half a second of its use at once, ahead of time', async () => {
    const { call, leaser, pass } = kit(
      { limits: { hot: { limit: 1_000_000, window: '1m', key: ['route'] } } },
      { limits: ['hot'] },
    );
    leaser.always = (want) => granted(want.n, { left: 900_000 });
    let waited = 0;
    const calls = 20_000;
    for (let n = 0; n < calls; n++) {
      if (n % 5 === 0) pass(1);
      if (call().state() === 'waits') waited++;
      await Promise.resolve();
    }
    // 5,000 calls a second for four seconds.
    expect(leaser.asked.length).toBeLessThan(calls / 800);
    expect(leaser.asked.at(-1)?.[0]?.n).toBeGreaterThan(1_500);
    expect(waited).toBeLessThan(20);
  });
});

describe('a million keys', () => {
  it('take the memory of those that are remembered; tokens of the others go back', {
    timeout: 180_000,
  }, async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const { limiter, leaser, pass } = kit(two, { limits: ['a'] }, 10_000);
    leaser.always = () => granted(2);
    const route = { ...plainRoute, id: 'r', limits: ['a'] } as never;
    const base = {
      caller: null,
      route,
      fields: { endToEnd: [] } as never,
      outlet: { gone: false },
      addHeaders: () => {},
    };
    const send = async (from: number, to: number): Promise<number> => {
      for (let n = from; n < to; n++) {
        void limiter.admit({ ...base, client: `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}` });
        if (n % 500 !== 0) continue;
        await new Promise(setImmediate);
        pass(5);
        leaser.asked.length = 0;
        leaser.returned.length = 0;
      }
      await new Promise(setImmediate);
      pass(6_000);
      leaser.asked.length = 0;
      leaser.returned.length = 0;
      collect();
      return process.memoryUsage().heapUsed;
    };
    const early = await send(0, 100_000);
    const late = await send(100_000, 1_000_000);
    expect(limiter.keys).toBe(10_000);
    expect(late - early).toBeLessThan(8 * 1024 * 1024);
    expect(limiter.waiting).toBe(0);
  });
});
