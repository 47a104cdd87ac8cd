import { describe, expect, it } from 'vitest';
import type { BucketEntry } from '@sluice/nats';
import { EntryCache } from './entry-cache.ts';

interface Thing {
  readonly text: string;
}

function cache(max = 10) {
  const decoded: string[] = [];
  const asked: { id: string; answer: (entry: BucketEntry | null) => void; fail: (error: unknown) => void }[] =
    [];
  const made = new EntryCache<Thing>({
    max,
    load: (id) => {
      const { promise, resolve, reject } = Promise.withResolvers<BucketEntry | null>();
      asked.push({ id, answer: resolve, fail: reject });
      return promise;
    },
    decode: (id, value) => {
      decoded.push(id);
      return { text: Buffer.from(value).toString() };
    },
  });
  return { made, asked, decoded };
}

const entry = (text: string, revision: number): BucketEntry => ({
  key: 'k',
  value: Buffer.from(text),
  revision,
});

describe('entries that are looked up', () => {
  it('are asked for once, however many want them', async () => {
    const { made, asked } = cache();
    const both = [made.find('a'), made.find('a')];
    asked[0]?.answer(entry('one', 1));
    expect(await Promise.all(both)).toEqual([{ text: 'one' }, { text: 'one' }]);
    expect(asked).toHaveLength(1);
    expect(made.peek('a')).toEqual({ text: 'one' });
    expect(made.peek('b')).toBeUndefined();
  });

  it('are not taken from an answer that is older than what a change has told', async () => {
    const { made, asked } = cache();
    const stale = made.find('a');
    made.apply('a', Buffer.from('two'), 2);
    asked[0]?.answer(entry('one', 1));
    expect(await stale).toEqual({ text: 'two' });
    const deleted = made.find('b');
    made.apply('b', null, 4);
    asked[1]?.answer(entry('gone', 3));
    expect(await deleted).toBeNull();
    expect(made.peek('b')).toBeNull();
    const newer = made.find('c');
    made.apply('c', Buffer.from('old'), 5);
    asked[2]?.answer(entry('new', 6));
    expect(await newer).toEqual({ text: 'new' });
  });

  it('are not taken from an answer to a question of before everything was forgotten, nor from what was told then', async () => {
    const { made, asked } = cache();
    const before = made.find('a');
    made.apply('a', Buffer.from('lost'), 9);
    made.clear();
    const after = made.find('a');
    asked[0]?.answer(entry('one', 1));
    await new Promise(setImmediate);
    expect(made.peek('a')).toBeUndefined();
    // Both wait for one answer, of the bucket as it is now.
    asked[1]?.answer(entry('two', 1));
    expect(await Promise.all([before, after])).toEqual([{ text: 'two' }, { text: 'two' }]);
    expect(asked).toHaveLength(2);
    expect(made.peek('a')).toEqual({ text: 'two' });
  });

  it('fail with 503, and are asked for again', async () => {
    const { made, asked } = cache();
    const first = made.find('a');
    asked[0]?.fail(new Error('away'));
    await expect(first).rejects.toMatchObject({ code: 'unavailable' });
    const second = made.find('a');
    asked[1]?.answer(null);
    expect(await second).toBeNull();
  });

  it('make room for one another, and so do those that do not exist', async () => {
    const { made, asked } = cache(2);
    for (const id of ['a', 'b', 'c']) {
      const found = made.find(id);
      asked.at(-1)?.answer(entry(id, 1));
      await found;
    }
    expect([made.size, made.peek('a')]).toEqual([2, undefined]);
    for (let n = 0; n <= 4_096; n++) {
      const found = made.find(`x${n}`);
      asked.at(-1)?.answer(null);
      await found;
    }
    expect([made.peek('x0'), made.peek('x4096')]).toEqual([undefined, null]);
    expect(made.peek('c')).toEqual({ text: 'c' });
  });

  it('are not waited for by more than a thousand questions', async () => {
    const { made, asked } = cache();
    const waiting = Array.from({ length: 1_000 }, (_, n) => made.find(`a${n}`));
    await expect(made.find('one more')).rejects.toMatchObject({ code: 'unavailable' });
    for (const { answer } of asked) answer(null);
    await Promise.all(waiting);
    const later = made.find('one more');
    asked.at(-1)?.answer(entry('y', 1));
    expect(await later).toEqual({ text: 'y' });
  });
});

describe('a change of an entry that nobody has used', () => {
  it('is not decoded, however many there are; one of an entry at hand is, at once', async () => {
    const { made, asked, decoded } = cache();
    const found = made.find('used');
    asked[0]?.answer(entry('one', 1));
    await found;
    decoded.length = 0;
    for (let n = 0; n < 10_000; n++) made.apply(`other${n}`, Buffer.from('x'), n + 2);
    expect(decoded).toEqual([]);
    made.apply('used', Buffer.from('two'), 20_000);
    expect(decoded).toEqual(['used']);
    expect(made.peek('used')).toEqual({ text: 'two' });
  });

  it('is kept as it was told, whatever becomes of the buffer that brought it', () => {
    const { made, decoded } = cache();
    const buffer = Buffer.from('one');
    made.apply('a', buffer, 1);
    buffer.write('two');
    expect([made.peek('a'), made.peek('a')]).toEqual([{ text: 'one' }, { text: 'one' }]);
    expect(decoded).toEqual(['a']);
  });

  it('makes an id that did not exist known', async () => {
    const { made, asked } = cache();
    const found = made.find('a');
    asked[0]?.answer(null);
    await found;
    expect(made.peek('a')).toBeNull();
    made.apply('a', Buffer.from('one'), 1);
    expect(made.peek('a')).toEqual({ text: 'one' });
  });

  it('counts for a question under way, however many others are told before the answer', async () => {
    const { made, asked } = cache();
    const stale = made.find('a');
    made.apply('a', Buffer.from('disabled'), 2);
    for (let n = 0; n < 10_000; n++) made.apply(`other${n}`, Buffer.from('x'), n + 3);
    asked[0]?.answer(entry('good', 1));
    expect(await stale).toEqual({ text: 'disabled' });
    expect(made.peek('a')).toEqual({ text: 'disabled' });
  });
});

it('a change of an entry that nobody has used is at hand when it is', () => {
  const { made } = cache();
  made.apply('a', Buffer.from('one'), 1);
  expect(made.size).toBe(0);
  expect(made.peek('a')).toEqual({ text: 'one' });
  expect(made.size).toBe(1);
});
