import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projectRoot, referencePages } from './pages.ts';

test('the generated reference pages are what the code says now (otherwise run `npm run docs`)', async () => {
  for (const page of await referencePages())
    expect(await readFile(join(projectRoot, page.file), 'utf8'), page.file).toBe(page.text);
});
