import { connectBus, openBucket, type Bucket, type Bus } from '@sluice/nats';
import { startNatsServer, until, type TestNats } from '@sluice/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SessionStore } from './session-store.ts';
import { sessionsBucket, type StoredSession } from './stored-session.ts';

let nats: TestNats;
let bus: Bus;
let bucket: Bucket;
/** Two edges; the answers to writes of the first one come when `acknowledged` resolves. */
let here: SessionStore;
let there: SessionStore;
/** What the first one was told of, null for a gap. */
const told: (string | null)[] = [];
let acknowledged: Promise<void> | null = null;
/** Writes of the first edge that the bucket has taken. */
let taken = 0;

beforeAll(async () => {
  nats = await startNatsServer();
  bus = await connectBus({ servers: [nats.url], name: 'test' });
  const options = { replicas: 1, most: 100 };
  here = new SessionStore({ ...options, bus: withSlowAnswers(bus), changed: (entry) => told.push(entry) });
  there = new SessionStore({ ...options, bus, changed: () => {} });
  bucket = await openBucket(bus, { name: sessionsBucket, perKeyTtl: true });
});
afterAll(async () => {
  for (const store of [here, there]) store.stop();
  await bus.close();
  await nats.stop();
});
beforeEach(() => {
  told.length = taken = 0;
  acknowledged = null;
});

const session: StoredSession = { subject: 'ada', started: 1, renewing: 0, sealed: 'tokens' };
const claimed = { ...session, renewing: 2 };
const end = Date.now() + 3_600_000;
let count = 0;

/** The same connection, whose answers to writes of sessions arrive late. */
function withSlowAnswers(to: Bus): Bus {
  const request: Bus['request'] = async (subject, ...rest) => {
    const answer = await to.request(subject, ...rest);
    if (!subject.startsWith(`$KV.${sessionsBucket}.`)) return answer;
    taken += 1;
    await acknowledged;
    return answer;
  };
  return new Proxy(to, {
    get: (_, name) => {
      if (name === 'request') return request;
      const member: unknown = Reflect.get(to, name, to);
      return typeof member === 'function' ? (member.bind(to) as unknown) : member;
    },
  });
}

/** A session that both edges have at hand. */
async function known(): Promise<{ entry: string; revision: number }> {
  const entry = `main.${(count += 1)}`;
  await here.create(entry, session, end);
  await there.find(entry, true);
  return { entry, revision: here.peek(entry)!.revision };
}

/** Begins a write whose answer waits until the caller lets it come; resolves when the bucket has it. */
async function slowly<T>(write: () => Promise<T>): Promise<{ answer: Promise<T>; come: () => void }> {
  const { promise, resolve } = Promise.withResolvers<void>();
  acknowledged = promise;
  const before = taken;
  const answer = write();
  await until(() => taken > before);
  return { answer, come: resolve };
}

/** Ends what follows the bucket, as a server that was away would: whoever follows begins anew. */
async function gap(): Promise<void> {
  const ask = async (subject: string) =>
    (await bus.request(`$JS.API.${subject}`, '', { deadline: Date.now() + 5_000 })).json();
  const stream = `KV_${sessionsBucket}`;
  const { consumers } = (await ask(`CONSUMER.NAMES.${stream}`)) as { consumers: string[] };
  for (const consumer of consumers) await ask(`CONSUMER.DELETE.${stream}.${consumer}`);
  await until(() => told.includes(null), { timeoutMs: 20_000 });
}

describe('a write whose acknowledgement comes late', () => {
  it('brings no session back that was ended elsewhere meanwhile', async () => {
    const { entry, revision } = await known();
    const { answer, come } = await slowly(() => here.replace(entry, claimed, revision, end));
    told.length = 0;
    await there.end(entry);
    await until(() => told.includes(entry));
    come();
    expect(await answer).toBeNull();
    expect(here.peek(entry)).toBeUndefined();
    expect(await here.find(entry, false)).toBeNull();
  });

  it('brings none back that was made in it', async () => {
    const entry = `main.${(count += 1)}`;
    const { answer, come } = await slowly(() => here.create(entry, session, end));
    told.length = 0;
    await bucket.delete(entry);
    await until(() => told.includes(entry));
    come();
    await answer;
    expect(here.peek(entry)).toBeUndefined();
  });

  it('brings none back that this edge has ended itself, though no change was told yet', async () => {
    const { entry, revision } = await known();
    const { answer, come } = await slowly(() => here.replace(entry, claimed, revision, end));
    const writing = acknowledged;
    acknowledged = null;
    await here.end(entry);
    acknowledged = writing;
    come();
    expect(await answer).toBeNull();
    expect(here.peek(entry)).toBeUndefined();
  });

  it('does not hide what another edge has written over it', async () => {
    const { entry, revision } = await known();
    const { answer, come } = await slowly(() => here.replace(entry, claimed, revision, end));
    const next = { ...session, sealed: 'other tokens' };
    told.length = 0;
    const { revision: own } = (await there.read(entry))!;
    const newer = await there.replace(entry, next, own, end);
    await until(() => told.includes(entry));
    come();
    expect(await answer).toBeNull();
    expect(await here.find(entry, false)).toMatchObject({ revision: newer!.revision, stored: next });
  });

  it('is at hand no more after a gap, in which the session may have ended, but can be written over', async () => {
    const { entry, revision } = await known();
    const { answer, come } = await slowly(() => here.replace(entry, claimed, revision, end));
    await gap();
    come();
    const written = (await answer)!;
    expect(here.peek(entry)).toBeUndefined();
    acknowledged = null;
    expect(await here.replace(entry, session, written.revision, end)).toMatchObject({ stored: session });
    await there.end(entry);
  });
});

it('a write that was overtaken by nothing is at hand', async () => {
  const { entry, revision } = await known();
  const written = await here.replace(entry, claimed, revision, end);
  expect(written?.revision).toBeGreaterThan(revision);
  expect(here.peek(entry)).toBe(written);
  await until(() => there.peek(entry)?.revision === written?.revision);
  expect(await there.replace(entry, session, revision, end)).toBeNull();
});
