import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { formatFault, loadDocumentFile } from '../mod.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'sluice-document-'));
  await mkdir(path.join(folder, 'lists'));
  await writeFile(path.join(folder, 'lists/office.txt'), '# ours\n10.0.0.0/8\n\n2001:db8::/32  # and this\n');
  await writeFile(path.join(folder, 'lists/broken.txt'), '10.0.0.0/8\n\n10.0.0.0/99\n');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function load(text: string) {
  const file = path.join(folder, 'gateway.yaml');
  await writeFile(file, text);
  const loaded = await loadDocumentFile(file, 'gateway.yaml');
  return { loaded, faults: loaded.ok ? [] : loaded.faults.map(formatFault) };
}

const withList = (file: string): string =>
  `addresses:\n  lists:\n    here: [192.0.2.1]\n    office: {file: ${file}}\n  allow: [office]\n`;

test('the entries of list files take their place, relative to the document', async () => {
  const { loaded } = await load(withList('lists/office.txt'));
  expect(loaded.ok && loaded.input).toEqual({
    addresses: {
      lists: { here: ['192.0.2.1'], office: ['10.0.0.0/8', '2001:db8::/32'] },
      allow: ['office'],
    },
  });
  expect(loaded.files).toEqual(['gateway.yaml', 'lists/office.txt'].map((file) => path.join(folder, file)));
});

test('a fault in a list file is told with the line of that file', async () => {
  const { faults } = await load(withList('lists/broken.txt'));
  expect(faults).toHaveLength(1);
  expect(faults[0]).toMatch(
    /^lists\/broken\.txt:3: addresses\.lists\.office\[1\]: "10\.0\.0\.0\/99" is no address/,
  );
});

test('a list file that is missing is told where it is named', async () => {
  const { faults } = await load(withList('lists/nowhere.txt'));
  expect(faults).toEqual([
    'gateway.yaml:4: addresses.lists.office.file: there is no such file (paths are relative to the document)',
  ]);
});

test('a list in the document is told with its own line', async () => {
  const { faults } = await load('addresses:\n  lists:\n    here:\n      - 192.0.2.1\n      - nonsense\n');
  expect(faults[0]).toContain('gateway.yaml:5: addresses.lists.here[1]: "nonsense" is no address');
});

test('a document that is missing is a fault like any other', async () => {
  const loaded = await loadDocumentFile(path.join(folder, 'none.yaml'), 'none.yaml');
  expect(loaded).toMatchObject({
    ok: false,
    faults: [{ name: 'none.yaml', message: 'there is no such file' }],
  });
});

test('a JSON Schema of a route that is none is told where it goes wrong', async () => {
  const route = 'id: a\n    path: /a\n    subject: a\n    schema:\n      query:\n        required: limit\n';
  const { faults } = await load(`routes:\n  - ${route}`);
  expect(faults).toEqual([
    'gateway.yaml:7: routes[0].schema.query.required: is no JSON Schema (draft 2020-12): must be array',
  ]);
});

test('notes come with lines too', async () => {
  const { loaded } = await load('routes:\n  - id: a\n    path: /a\n    subject: a\n');
  expect(loaded.ok && loaded.notes.map(formatFault)).toEqual([
    'gateway.yaml:2: routes[0]: nobody may call route "a" (say `auth` here or in `defaults`)',
  ]);
});
