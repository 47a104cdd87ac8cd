import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { connectBus, type Bus } from '@sluice/nats';
import { startNatsServer, type TestNats } from '@sluice/testing';
import { applyDocument, openConfigBucket, readCurrent, type Applied, type GatewayInput } from '../mod.ts';

let server: TestNats;
let bus: Bus;

beforeAll(async () => {
  server = await startNatsServer();
  bus = await connectBus({ servers: [server.url], name: 'test' });
});
afterAll(async () => {
  await bus.close();
  await server.stop();
});

/** A document that is told from others by its number. */
const numbered = (channels: number): GatewayInput => ({ live: { channels } });

const load = (input: unknown, again = false): Promise<Applied> =>
  applyDocument(bus, input, {
    expectedRevision: null,
    author: 'file gateway.yaml',
    file: { name: 'gateway.yaml', again },
  });
const apply = (input: unknown): Promise<Applied> =>
  applyDocument(bus, input, { expectedRevision: null, author: 'ann' });
const present = async (): Promise<unknown> => (await readCurrent(bus))?.document;

let loaded: Applied;
beforeEach(async () => {
  // No test loads these two, so the second is new each time.
  await load(numbered(100));
  loaded = await load(numbered(1));
});

describe('a file that routers load', () => {
  test('is applied when it is new, and is known by name and revision from then on', async () => {
    expect(loaded).toMatchObject({ changed: true, inForce: true });
    const file = { name: 'gateway.yaml', revision: loaded.revision };
    expect(await readCurrent(bus)).toMatchObject({ author: 'file gateway.yaml', file });
    const applied = await apply(numbered(2));
    expect(await readCurrent(bus)).toMatchObject({ revision: applied.revision, author: 'ann', file });
    await apply(numbered(3));
    expect((await readCurrent(bus))?.file).toMatchObject(file);
  });

  test('changes nothing while it has not changed itself, whatever was applied since', async () => {
    expect(await load(numbered(1))).toMatchObject({ ...loaded, changed: false, inForce: true });
    const { revision } = await apply(numbered(2));
    for (let restart = 0; restart < 3; restart++)
      expect(await load(numbered(1))).toMatchObject({ revision, changed: false, inForce: false });
    expect(await present()).toEqual(numbered(2));
  });

  test('is applied when it changes, and when it changes back', async () => {
    await apply(numbered(2));
    expect(await load(numbered(3))).toMatchObject({ changed: true, inForce: true });
    expect(await present()).toEqual(numbered(3));
    await apply(numbered(2));
    expect(await load(numbered(1))).toMatchObject({ changed: true });
    expect(await present()).toEqual(numbered(1));
  });

  test('is applied again where somebody asks for just that', async () => {
    await apply(numbered(2));
    expect(await load(numbered(1), true)).toMatchObject({ changed: true, inForce: true });
    expect(await load(numbered(1), true)).toMatchObject({ changed: false, inForce: true });
    expect(await present()).toEqual(numbered(1));
  });

  test('that holds what somebody had applied already counts as loaded from then on', async () => {
    await apply(numbered(2));
    await load(numbered(2));
    await apply(numbered(3));
    expect(await load(numbered(2))).toMatchObject({ changed: false, inForce: false });
    expect(await present()).toEqual(numbered(3));
  });

  test('is loaded once by many routers at a time', async () => {
    const all = await Promise.all(Array.from({ length: 5 }, () => load(numbered(4))));
    expect(all.filter(({ changed }) => changed)).toHaveLength(1);
    expect(new Set(all.map(({ revision }) => revision)).size).toBe(1);
  });

  test('is remembered beside values that people write by hand, and replaces one that cannot be read', async () => {
    const bucket = await openConfigBucket(bus);
    await bucket.put('gateway', JSON.stringify({ document: numbered(5) }));
    expect(await load(numbered(1))).toMatchObject({ changed: false, inForce: false });
    expect(await present()).toEqual(numbered(5));
    await apply(numbered(6));
    expect(await load(numbered(1))).toMatchObject({ changed: false, inForce: false });

    await bucket.put('gateway', 'not JSON');
    expect(await load(numbered(1))).toMatchObject({ changed: true, inForce: true });
    await bucket.put('gateway', 'not JSON');
    await apply(numbered(7));
    expect(await load(numbered(1))).toMatchObject({ changed: false, inForce: false });
    await bucket.delete('gateway');
    expect(await load(numbered(1))).toMatchObject({ changed: true, inForce: true });
  });
});
