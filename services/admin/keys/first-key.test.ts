import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hashApiKey, makeApiKey } from '@sluice/policy';
import { startAdmin, type TestAdmin } from '../testing/harness.ts';
import { ensureFirstKey, readFirstKey } from './first-key.ts';

let admin: TestAdmin;
let folder: string;

beforeAll(async () => {
  admin = await startAdmin();
  folder = await mkdtemp(path.join(tmpdir(), 'sluice-admin-'));
});
afterAll(async () => {
  await admin[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

async function ensure(text: string): Promise<string[]> {
  const warnings: string[] = [];
  await ensureFirstKey(text, { ...admin.stores, warn: (detail) => warnings.push(detail) });
  return warnings;
}

test('the first key is made with its consumer, once, however many processes start', async () => {
  const { text, id } = makeApiKey();
  expect(await Promise.all([ensure(text), ensure(text), ensure(text)])).toEqual([[], [], []]);
  expect(await ensure(text)).toEqual([]);
  const { key } = (await admin.stores.keys.get(id))!;
  expect(key).toMatchObject({ consumer: 'admin', hash: hashApiKey(text), expires: null, disabled: false });
  const consumer = await admin.ask('consumers-get', { params: { consumer: 'admin' } });
  expect(consumer.json).toMatchObject({ roles: ['admin'] });
  const audit = await admin.ask('audit-list', { query: `target=key/${id}` });
  const made = audit.json.data.filter(({ outcome }: { outcome: string }) => outcome === 'made');
  expect(made).toHaveLength(1);
  expect(made[0]).toMatchObject({ who: { subject: 'admin service', kind: 'start' }, action: 'key.create' });
});

test('a first key that was disabled stays so, and operators are told', async () => {
  const { text, id } = makeApiKey();
  await ensure(text);
  const record = (await admin.stores.keys.get(id))!;
  await admin.stores.keys.update({ ...record.key, disabled: true }, record.revision);
  expect(await ensure(text)).toEqual([`the first key ${id} is disabled and stays so`]);
  expect((await admin.stores.keys.get(id))?.key.disabled).toBe(true);
});

test('another key of the same id is refused', async () => {
  const { text, id } = makeApiKey();
  const record = { id, consumer: 'admin', hash: hashApiKey('other'), name: '', created: 0, expires: null };
  await admin.stores.keys.create({ ...record, disabled: false });
  await expect(ensure(text)).rejects.toThrow('another key');
});

test('it is read from the environment or a file, and a mistyped one ends the start', async () => {
  const { text } = makeApiKey();
  const file = path.join(folder, 'key');
  await writeFile(file, `${text}\n`);
  expect(await readFirstKey({})).toBeNull();
  expect(await readFirstKey({ adminKey: text })).toBe(text);
  expect(await readFirstKey({ adminKeyFile: file })).toBe(text);
  await expect(readFirstKey({ adminKey: text, adminKeyFile: file })).rejects.toThrow('both set');
  await expect(readFirstKey({ adminKeyFile: `${file}.no` })).rejects.toThrow('cannot be read');
  const mistyped = `${text.slice(0, -1)}${text.endsWith('0') ? '1' : '0'}`;
  const failure = await readFirstKey({ adminKey: mistyped }).catch((error: unknown) => error as Error);
  expect((failure as Error).message).toContain('SLUICE_ADMIN_KEY holds no API key');
  expect((failure as Error).message).not.toContain(text.slice(20, 40));
});
