import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startNatsServer, until, type TestNats } from '@sluice/testing';
import { connectBus, openBucket, type Bucket, type BucketChange, type Bus } from './mod.ts';
import { lastByConsumer } from './snapshot.ts';

let server: TestNats;
let bus: Bus;
let bucket: Bucket;
let name = '';
let count = 0;

beforeAll(async () => {
  server = await startNatsServer();
  bus = await connectBus({ servers: [server.url], name: 'test' });
});
afterAll(async () => {
  await bus.close();
  await server.stop();
});
beforeEach(async () => {
  name = `w${(count += 1)}`;
  bucket = await openBucket(bus, { name });
});

const put = async (keys: string, value: string): Promise<void> => {
  for (const key of keys) await bucket.put(key, value);
};

async function ask<T>(subject: string, query: unknown = ''): Promise<T> {
  const body = query === '' ? '' : JSON.stringify(query);
  return (await bus.request(`$JS.API.${subject}`, body, { deadline: Date.now() + 5_000 })).json() as T;
}

interface Watched {
  /** `a=1`, or `a` for a key that is gone. */
  readonly told: string[];
  /** What was told before it was ready. */
  ready: string[] | null;
  stop(): void;
}

async function watch(from = bucket): Promise<Watched> {
  const watched: Watched = { told: [], ready: null, stop: () => {} };
  watched.stop = await from.watch({
    onChange: ({ key, value }: BucketChange) =>
      watched.told.push(value === null ? key : `${key}=${Buffer.from(value).toString()}`),
    onReady: () => (watched.ready = [...watched.told]),
  });
  return watched;
}

/** The bus, on which something happens whenever a consumer has been made and has not sent anything yet. */
function meanwhile(happens: () => Promise<void>): Bus {
  return new Proxy(bus, {
    get(target, property: keyof Bus) {
      if (property === 'request')
        return async (...asked: Parameters<Bus['request']>) => {
          const answer = await target.request(...asked);
          if (asked[0].startsWith('$JS.API.CONSUMER.CREATE.')) await happens();
          return answer;
        };
      const value: unknown = target[property];
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

async function loseConsumers(): Promise<void> {
  const { consumers } = await ask<{ consumers: string[] }>(`CONSUMER.NAMES.KV_${name}`);
  for (const consumer of consumers) await ask(`CONSUMER.DELETE.KV_${name}.${consumer}`);
}

describe('a watcher that begins anew', () => {
  it('is told what has changed, and nothing else', async () => {
    await put('abc', '1');
    const watched = await watch();
    await until(() => watched.ready !== null);
    await loseConsumers();
    await bucket.put('b', '2');
    await bucket.delete('c');
    await until(() => watched.told.length === 5, { timeoutMs: 20_000 });
    expect(watched.told).toEqual(['a=1', 'b=1', 'c=1', 'b=2', 'c']);
    watched.stop();
  });

  it('is told the values of a bucket that was lost and made anew, though their revisions are the same', async () => {
    await put('abc', 'old');
    const watched = await watch();
    await until(() => watched.ready !== null);
    await ask(`STREAM.DELETE.KV_${name}`);
    await openBucket(bus, { name });
    await put('ab', 'new');
    await until(() => watched.told.length === 6, { timeoutMs: 20_000 });
    expect(watched.told.slice(3)).toEqual(['a=new', 'b=new', 'c']);
    watched.stop();
  });
});

it('who follows a bucket from now on is told whether it is another one', async () => {
  const gaps: boolean[] = [];
  const stop = await bucket.tail({ onChange: () => {}, onGap: (another) => gaps.push(another) });
  await put('abc', '1');
  await loseConsumers();
  await until(() => gaps.length === 1, { timeoutMs: 20_000 });
  await ask(`STREAM.DELETE.KV_${name}`);
  await openBucket(bus, { name });
  await until(() => gaps.length === 2, { timeoutMs: 20_000 });
  expect(gaps).toEqual([false, true]);
  stop();
});

describe('while the present values are on their way', () => {
  it('a key that changes is not told as gone, and is there when the watcher is ready', async () => {
    await put('abc', '1');
    let calls = 0;
    const other = meanwhile(async () => {
      // Its turn is over before it comes: a new key is sent earlier.
      await put(`${(calls += 1)}b`, String(calls + 1));
    });
    const watched = await watch(await openBucket(other, { name }));
    await until(() => watched.ready !== null);
    expect(watched.ready).toEqual(['a=1', 'c=1', '1=2', 'b=2']);
    await loseConsumers();
    // One consumer for what was missed, and one for what is there.
    await until(() => watched.told.includes('b=4'), { timeoutMs: 20_000 });
    expect(watched.told.slice(4)).toEqual(['2=3', '3=4', 'b=4']);
    watched.stop();
  });

  it('all of them may vanish: the watcher becomes ready', async () => {
    await put('abc', '1');
    const other = meanwhile(() => ask(`STREAM.PURGE.KV_${name}`));
    const watched = await watch(await openBucket(other, { name }));
    await until(() => watched.ready !== null, { timeoutMs: 20_000 });
    expect(watched.told).toEqual([]);
    watched.stop();
  });

  it('all of them may vanish: the newest messages of very many subjects are none', async () => {
    await put('abc', '1');
    const other = meanwhile(() => ask(`STREAM.PURGE.KV_${name}`));
    expect(await lastByConsumer(other, `KV_${name}`, [`$KV.${name}.>`])).toEqual([]);
  });
});
