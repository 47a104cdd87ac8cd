import { describe, expect, test } from 'vitest';
import { SluiceError } from '@sluice/errors';
import { DocumentWork } from './document-work.ts';

const addresses = Array.from({ length: 5_000 }, (_, n) => `10.${(n >> 8) & 255}.${n & 255}.1`);
const long = `addresses:\n  lists:\n    many:\n${addresses.map((each) => `      - ${each}\n`).join('')}`;
/** Takes seconds to be read. */
const endless = `a:\n${'  - {b: c}\n'.repeat(200_000)}`;

/** Turns that others have meanwhile. */
async function turnsDuring(work: () => Promise<void>): Promise<number> {
  let turns = 0;
  const counting = setInterval(() => turns++, 0);
  await work();
  clearInterval(counting);
  return turns;
}

test('a long document is read like a short one, and meanwhile others have their turns', async () => {
  const work = new DocumentWork({ limitMs: 60_000 });
  expect(await work.read('ann', 'roles: {clerk: {}}', 'yaml')).toEqual({
    ok: true,
    input: { roles: { clerk: {} } },
  });
  const turns = await turnsDuring(async () => {
    const [yaml, json, wrong] = await Promise.all([
      work.read('ann', long, 'yaml'),
      work.read('ann', JSON.stringify({ addresses: { lists: { many: addresses } } }), 'json'),
      work.read('ann', `${long}roles: {a: {includes: [b]}}\n`, 'yaml'),
    ]);
    expect(yaml).toEqual({ ok: true, input: { addresses: { lists: { many: addresses } } } });
    expect(json).toEqual(yaml);
    expect(wrong).toMatchObject({
      ok: false,
      errors: [{ pointer: '/roles/a/includes/0', detail: 'role "b" is not defined', line: 5_004 }],
    });
  });
  expect(turns).toBeGreaterThan(1);
});

test('long documents are compared, and written as YAML, while others have their turns', async () => {
  const work = new DocumentWork({ limitMs: 60_000 });
  const input = { addresses: { lists: { many: addresses } } };
  const less = { addresses: { lists: { many: addresses.slice(1_000) } } };
  const turns = await turnsDuring(async () => {
    expect(await work.format('ann', input)).toBe(long);
    const { changes, total } = await work.compare('ann', input, less);
    expect(changes).toHaveLength(500);
    expect(changes[0]).toEqual({
      op: 'remove',
      path: 'addresses.lists.many[10.0.0.1]',
      before: '10.0.0.1',
    });
    expect(total).toBe(1_000);
  });
  expect(turns).toBeGreaterThan(1);
});

test('a document with many faults is answered with the first of them, and how many there are', async () => {
  const wrong = long.replaceAll('- 10.', '- x.');
  const read = await new DocumentWork({ limitMs: 60_000 }).read('ann', wrong, 'yaml');
  expect(read).toMatchObject({ ok: false, total: 5_000 });
  expect(read.ok ? [] : read.errors).toHaveLength(500);
});

describe('a document that takes too long', () => {
  test('is given up, and the next one is read', async () => {
    const work = new DocumentWork({ limitMs: 1 });
    expect(await work.read('ann', endless, 'yaml')).toMatchObject({
      ok: false,
      errors: [{ in: 'body', pointer: '', detail: 'takes too long to be read' }],
    });
    const patient = new DocumentWork({ limitMs: 60_000 });
    expect(await patient.read('ann', long, 'yaml')).toMatchObject({ ok: true });
  });

  test('keeps nobody else waiting, however many of them one caller sends', async () => {
    const work = new DocumentWork({ limitMs: 10_000 });
    const over: string[] = [];
    const read = async (caller: string, text: string): Promise<void> => {
      await work.read(caller, text, 'yaml');
      over.push(caller);
    };
    await Promise.all([read('eve', endless), read('eve', endless), read('ann', long), read('bob', long)]);
    expect(over).toEqual(['ann', 'bob', 'eve', 'eve']);
  });
});

test('only so many documents wait, of one caller and of all', async () => {
  const refusedOf = async (callers: readonly string[]): Promise<unknown[]> => {
    const work = new DocumentWork({ limitMs: 1 });
    const results = await Promise.allSettled(callers.map((caller) => work.read(caller, endless, 'yaml')));
    return results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
  };
  const ofOne = await refusedOf(Array.from({ length: 8 }, () => 'eve'));
  expect(ofOne).toHaveLength(3);
  expect(ofOne[0]).toMatchObject(
    new SluiceError('unavailable', 'Too many documents are being read at the moment.', { retryAfter: 5 }),
  );
  expect(await refusedOf(Array.from({ length: 20 }, (_, n) => `c${n}`))).toHaveLength(2);
});
