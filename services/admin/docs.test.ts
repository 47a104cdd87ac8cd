import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { projectRoot } from '@sluice/testing';
import { adminEndpoints } from './endpoints.ts';

test('docs/admin.md names every endpoint, and none that is not there', async () => {
  const page = await readFile(path.join(projectRoot, 'docs/admin.md'), 'utf8');
  const documented = [...page.matchAll(/^\| `((?:GET|PUT|POST|PATCH|DELETE) \/[^`]+)` \|/gm)].map(
    ([, route]) => String(route),
  );
  const nothing = undefined as never;
  const endpoints = adminEndpoints({
    bus: nothing,
    document: nothing,
    metrics: nothing,
    stores: { audit: nothing, consumers: nothing, directory: nothing, keys: nothing, revocations: nothing },
  });
  const served = Object.values(endpoints).map(({ route }) => String(route));
  expect(documented.toSorted()).toEqual(served.toSorted());
});
