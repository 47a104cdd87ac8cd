import { Registry } from '@sluice/telemetry';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CheckpointLostError, type Cursor, type MarketSnapshot } from './checkpoint.ts';
import { Checkpointer } from './checkpointer.ts';
import { Market } from './market/market.ts';
import { broadcasterMetrics } from './metrics.ts';

const everyMs = 1_000;

/** A store, a live stream and a reader that the test plays. */
function kit() {
  const written: { cursor: Cursor; markets: string[] }[] = [];
  const bitcoin = new Market('BTCUSDT');
  const ether = new Market('ETHUSDT');
  const played = {
    position: { seq: 7, createdMs: 1 } as Cursor | null,
    published: Promise.resolve(),
    failure: undefined as Error | undefined,
  };
  const checkpointer = new Checkpointer({
    store: {
      snapshot: (market): MarketSnapshot => ({ market, text: `${market.symbol} ${market.seq}`, hours: [] }),
      write: async (snapshots, cursor) => {
        if (played.failure) throw played.failure;
        written.push({ cursor, markets: snapshots.map(({ text }) => text) });
      },
    },
    logger: pino({ level: 'silent' }),
    metrics: broadcasterMetrics(new Registry()),
    everyMs,
    position: () => played.position,
    published: () => played.published,
    lost: () => checkpointer.dirty.add(ether),
  });
  return { checkpointer, played, written, bitcoin, ether };
}

/** A planned checkpoint that waits until `publish` is called. */
async function underWay() {
  const { checkpointer, played, written, bitcoin } = kit();
  const { promise, resolve } = Promise.withResolvers<void>();
  played.published = promise;
  checkpointer.dirty.add(bitcoin);
  checkpointer.plan();
  await vi.advanceTimersByTimeAsync(everyMs);
  return { checkpointer, written, publish: resolve };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('a checkpoint', () => {
  it('is of the moment it is taken, and written when everything up to there is in the live stream', async () => {
    const { checkpointer, played, written, bitcoin, ether } = kit();
    const { promise, resolve } = Promise.withResolvers<void>();
    played.published = promise;
    bitcoin.seq = 7;
    checkpointer.dirty.add(bitcoin);
    const writing = checkpointer.write();
    played.position = { seq: 9, createdMs: 1 };
    bitcoin.seq = 9;
    checkpointer.dirty.add(bitcoin).add(ether);
    await vi.advanceTimersByTimeAsync(everyMs);
    expect(written).toEqual([]);
    resolve();
    await writing;
    expect(written).toEqual([{ cursor: { seq: 7, createdMs: 1 }, markets: ['BTCUSDT 7'] }]);
    await checkpointer.write();
    expect(written[1]).toEqual({ cursor: { seq: 9, createdMs: 1 }, markets: ['BTCUSDT 9', 'ETHUSDT 0'] });
  });

  it('is not written while the reader has no position, nor when nothing changed', async () => {
    const { checkpointer, played, written, bitcoin } = kit();
    await checkpointer.write();
    played.position = null;
    checkpointer.dirty.add(bitcoin);
    await checkpointer.write();
    expect(written).toEqual([]);
    played.position = { seq: 8, createdMs: 1 };
    await checkpointer.write();
    expect(written).toEqual([{ cursor: { seq: 8, createdMs: 1 }, markets: ['BTCUSDT 0'] }]);
  });

  it('that could not be written is written with the next one', async () => {
    const { checkpointer, played, written, bitcoin, ether } = kit();
    checkpointer.dirty.add(bitcoin);
    played.failure = new Error('no NATS');
    await checkpointer.write();
    played.failure = undefined;
    checkpointer.dirty.add(ether);
    await checkpointer.write();
    expect(written.map(({ markets }) => markets.toSorted())).toEqual([['BTCUSDT 0', 'ETHUSDT 0']]);
  });

  it('that finds those of before gone is followed by one of everything', async () => {
    const { checkpointer, played, written, bitcoin } = kit();
    checkpointer.dirty.add(bitcoin);
    played.failure = new CheckpointLostError('all.market.BTCUSDT');
    await checkpointer.write();
    played.failure = undefined;
    await checkpointer.write();
    expect(written.map(({ markets }) => markets.toSorted())).toEqual([['BTCUSDT 0', 'ETHUSDT 0']]);
  });

  it('that waits for the live stream when the term ends is not written', async () => {
    const { checkpointer, written, publish } = await underWay();
    checkpointer.callOff();
    checkpointer.stop();
    publish();
    await checkpointer.ended();
    expect(written).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('planned checkpoints', () => {
  it('come one after another until they are called off', async () => {
    const { checkpointer, written, bitcoin } = kit();
    checkpointer.plan();
    for (let n = 0; n < 3; n++) {
      checkpointer.dirty.add(bitcoin);
      await vi.advanceTimersByTimeAsync(everyMs);
    }
    expect(written).toHaveLength(3);
    checkpointer.callOff();
    checkpointer.dirty.add(bitcoin);
    await vi.advanceTimersByTimeAsync(10 * everyMs);
    expect(written).toHaveLength(3);
  });

  it('end with the one that is under way when they are called off', async () => {
    const { checkpointer, written, publish } = await underWay();
    checkpointer.callOff();
    publish();
    await checkpointer.ended();
    expect(written).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });
});
