import { BusError, type BusMessage } from '@sluice/nats';
import { encodeGrants, type Want } from '@sluice/limits';
import { describe, expect, it } from 'vitest';
import { LeaseClient } from './lease-client.ts';

const want: Want = { kind: 'window', counter: 'a.b', windowMs: 60_000, limit: 10, n: 1, need: 1 };
const grants = encodeGrants([{ place: '1', n: 1, forMs: 1_000, left: 9, resetMs: 1_000, retryMs: 0 }]);
const answer = { header: () => undefined, text: () => grants } as unknown as BusMessage;

/** A bus whose questions wait until the test answers them, oldest first; false: nobody does. */
function kit() {
  let time = 1_000;
  const questions: ((answered: boolean) => void)[] = [];
  const changes: boolean[] = [];
  const client = new LeaseClient({
    bus: {
      publish: () => {},
      request: () =>
        new Promise((resolve, reject) =>
          questions.push((answered) => {
            if (answered) resolve(answer);
            else reject(new BusError('timeout', 'no answer'));
          }),
        ),
    },
    timeoutMs: 250,
    onChange: (available) => changes.push(available),
    now: () => time,
  });
  const ask = (): Promise<string> =>
    client.ask([want]).then(
      () => 'granted',
      () => 'failed',
    );
  return {
    client,
    changes,
    ask,
    now: () => time,
    /** Answers the oldest question, or lets its time pass. */
    next: async (answered: boolean) => {
      time += answered ? 5 : 125;
      questions.shift()?.(answered);
      await new Promise(setImmediate);
    },
  };
}

describe('leases cannot be had', () => {
  it('when a question and its second try are not answered, for a moment', async () => {
    const { client, changes, ask, next, now } = kit();
    const asking = ask();
    await next(false);
    await next(false);
    expect([await asking, client.available(now()), changes]).toEqual(['failed', false, [false]]);
    expect(client.available(now() + 500)).toBe(true);
    const again = ask();
    expect(client.available(now() + 600)).toBe(false);
    await next(true);
    expect([await again, client.available(now()), changes]).toEqual(['granted', true, [false, true]]);
  });

  it('but not while others are answered: one of several workers hangs', async () => {
    const { client, changes, ask, next, now } = kit();
    const late = ask();
    const other = ask();
    await next(false);
    await next(true);
    expect(await other).toBe('granted');
    await next(false);
    expect([await late, client.available(now()), changes]).toEqual(['failed', true, []]);
  });
});
