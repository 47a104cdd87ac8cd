import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { projectRoot, referencePages } from './docs/pages.ts';

/** `npm run docs`: writes the reference pages that are generated from the code. A test fails when they are out of date. */
for (const page of await referencePages()) {
  await writeFile(join(projectRoot, page.file), page.text);
  console.log(`wrote ${page.file}`);
}
