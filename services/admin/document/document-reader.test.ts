import { expect, test } from 'vitest';
import { SluiceError } from '@sluice/errors';
import { DocumentReader } from './document-reader.ts';

const addresses = Array.from({ length: 5_000 }, (_, n) => `10.${(n >> 8) & 255}.${n & 255}.1`);
const long = `addresses:\n  lists:\n    many:\n${addresses.map((each) => `      - ${each}\n`).join('')}`;
/** Takes seconds to be read. */
const endless = `a:\n${'  - {b: c}\n'.repeat(200_000)}`;

test('a long document is read like a short one, and meanwhile others have their turns', async () => {
  const reader = new DocumentReader({ limitMs: 60_000 });
  expect(await reader.read('roles: {clerk: {}}', 'yaml')).toEqual({
    ok: true,
    input: { roles: { clerk: {} } },
  });
  let turns = 0;
  const counting = setInterval(() => turns++, 0);
  const [yaml, json, wrong] = await Promise.all([
    reader.read(long, 'yaml'),
    reader.read(JSON.stringify({ addresses: { lists: { many: addresses } } }), 'json'),
    reader.read(`${long}roles: {a: {includes: [b]}}\n`, 'yaml'),
  ]);
  clearInterval(counting);
  expect(yaml).toEqual({ ok: true, input: { addresses: { lists: { many: addresses } } } });
  expect(json).toEqual(yaml);
  expect(wrong).toMatchObject({
    ok: false,
    errors: [{ pointer: '/roles/a/includes/0', detail: 'role "b" is not defined', line: 5_004 }],
  });
  expect(turns).toBeGreaterThan(1);
});

test('a document that takes too long is given up, and the next one is read', async () => {
  const reader = new DocumentReader({ limitMs: 1 });
  expect(await reader.read(endless, 'yaml')).toMatchObject({
    ok: false,
    errors: [{ in: 'body', pointer: '', detail: 'takes too long to be read' }],
  });
  const patient = new DocumentReader({ limitMs: 60_000 });
  expect(await patient.read(long, 'yaml')).toMatchObject({ ok: true });
});

test('only so many documents wait for each other', async () => {
  const reader = new DocumentReader({ limitMs: 1 });
  const results = await Promise.allSettled(Array.from({ length: 20 }, () => reader.read(endless, 'yaml')));
  const refused = results.filter(({ status }) => status === 'rejected');
  expect(refused).toHaveLength(4);
  for (const each of refused)
    expect((each as PromiseRejectedResult).reason).toMatchObject(
      new SluiceError('unavailable', 'Too many documents are being read at the moment.'),
    );
});
