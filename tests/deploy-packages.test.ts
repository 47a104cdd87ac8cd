import { readFileSync } from 'node:fs';
import { glob } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import path from 'node:path';
import { projectRoot } from '@sluice/testing';
import { expect, it } from 'vitest';

/** What an image never gets, so it may import development dependencies. */
const testsOnly = /\.test\.ts$|(?:^|\/)(?:testing|conformance)\/|(?:^|\/)(?:suite|testing)\.ts$/;

/** The formatter leaves one way to write each: `… from 'x';`, `import('x')` and `resolve('x')`. */
const imports = /^(?:import|export|\}) ?.*from '([^'.][^']*)';$|(?:import|resolve)\('([^'.][^']*)'\)/gm;

/**
 * An image has the dependencies that its service's package.json names, and theirs. One that is missing there works in the
 * checkout, where all packages share a folder, and fails at the start of the container.
 */
it('every package that a workspace imports is among its dependencies', async () => {
  const missing: string[] = [];
  for await (const manifest of glob('{shared,services}/*/package.json', { cwd: projectRoot })) {
    const folder = path.join(projectRoot, path.dirname(manifest));
    if (folder.endsWith('shared/testing')) continue;
    const { name, dependencies = {} } = JSON.parse(
      readFileSync(path.join(folder, 'package.json'), 'utf8'),
    ) as {
      name: string;
      dependencies?: Record<string, string>;
    };
    for await (const file of glob('**/*.ts', { cwd: folder })) {
      if (file.includes('node_modules/') || testsOnly.test(file)) continue;
      const text = readFileSync(path.join(folder, file), 'utf8');
      for (const [, named, resolved] of text.matchAll(imports)) {
        const specifier = (named ?? resolved) as string;
        const imported = /^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier;
        if (isBuiltin(specifier) || imported in dependencies) continue;
        missing.push(`${name}: ${file} imports ${imported}`);
      }
    }
  }
  expect(missing).toEqual([]);
});
