import { describe, expect, it } from 'vitest';
import { OpQueue } from './op-queue.ts';

/** An operation that is under way until the test ends it. */
function pending(): { done: Promise<void>; end: () => void; fail: (error: Error) => void } {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  return { done: promise, end: resolve, fail: reject };
}

const never = (error: unknown): void => expect.unreachable(String(error));

describe('the queue of operations', () => {
  it('does an operation in the turn it is added in when nothing is under way', () => {
    const queue = new OpQueue();
    let done = false;
    queue.add(() => {
      done = true;
    }, never);
    expect(done).toBe(true);
  });

  it('does them in the order they were added in, each when the one before it is done', async () => {
    const queue = new OpQueue();
    const order: string[] = [];
    const [slow, last] = [pending(), pending()];
    queue.add(async () => {
      order.push('slow begins');
      await slow.done;
      order.push('slow ends');
    }, never);
    queue.add(() => void order.push('at once'), never);
    queue.add(() => {
      order.push('last');
      last.end();
    }, never);
    expect(order).toEqual(['slow begins']);
    slow.end();
    await last.done;
    expect(order).toEqual(['slow begins', 'slow ends', 'at once', 'last']);
  });

  it('hands on what an operation throws or rejects with, and goes on', async () => {
    const queue = new OpQueue();
    const refused: unknown[] = [];
    const [failing, last] = [pending(), pending()];
    const refuse = (error: unknown): void => void refused.push(error);
    queue.add(() => failing.done, refuse);
    queue.add(() => {
      throw new Error('thrown');
    }, refuse);
    queue.add(() => last.end(), never);
    failing.fail(new Error('rejected'));
    await last.done;
    expect(refused).toEqual([new Error('rejected'), new Error('thrown')]);
  });

  it('takes 64 operations and refuses the next, until one of them is done', async () => {
    const queue = new OpQueue();
    const first = pending();
    const second = pending();
    let done = 0;
    queue.add(() => first.done, never);
    queue.add(() => second.end(), never);
    for (let n = 3; n <= 64; n++) queue.add(() => void (done += 1), never);
    expect(() => queue.add(() => {}, never)).toThrow(expect.objectContaining({ code: 'too_many_requests' }));
    first.end();
    await second.done;
    // The first is out of the queue when the second begins.
    const last = pending();
    queue.add(() => last.end(), never);
    await last.done;
    expect(done).toBe(62);
  });

  it('begins nothing of what waits once it is closed, and lets what is under way end', async () => {
    const queue = new OpQueue();
    const first = pending();
    const order: string[] = [];
    queue.add(async () => {
      await first.done;
      order.push('under way');
    }, never);
    queue.add(() => void order.push('waiting'), never);
    queue.close();
    queue.add(() => void order.push('late'), never);
    first.end();
    await new Promise((resolve) => setImmediate(resolve));
    expect(order).toEqual(['under way']);
  });
});
