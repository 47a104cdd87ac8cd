import { connectBus, openBucket } from '@sluice/nats';
import { startNatsServer, until } from '@sluice/testing';
import { expect, it } from 'vitest';
import { SessionStore } from './session-store.ts';
import { encodeSession, sessionsBucket, type StoredSession } from './stored-session.ts';

const session = (sealed: string): StoredSession => ({
  subject: 'ada',
  started: Date.now(),
  renewing: 0,
  sealed,
});

it('sessions of a bucket that was brought back are found, though their revisions are lower than those of before', async () => {
  await using nats = await startNatsServer();
  const bus = await connectBus({ servers: [nats.url], name: 'edge' });
  const other = await connectBus({ servers: [nats.url], name: 'other' });
  let gaps = 0;
  const store = new SessionStore({
    bus,
    replicas: 1,
    most: 10,
    changed: (entry) => (gaps += entry === null ? 1 : 0),
  });
  const end = Date.now() + 3_600_000;
  await store.create('main.a', session('one'), end);
  const bucket = await openBucket(other, { name: sessionsBucket, perKeyTtl: true });
  await bucket.put('main.a', encodeSession(session('two')));
  await until(() => store.peek('main.a')?.stored.sealed === 'two');
  await other.request(`$JS.API.STREAM.DELETE.KV_${sessionsBucket}`, '', { deadline: Date.now() + 5_000 });
  const anew = await openBucket(other, { name: sessionsBucket, perKeyTtl: true });
  await anew.create('main.a', encodeSession(session('one')));
  await until(() => gaps > 0, { timeoutMs: 20_000 });
  expect((await store.find('main.a', false))?.stored.sealed).toBe('one');
  store.stop();
  await bus.close();
  await other.close();
});
