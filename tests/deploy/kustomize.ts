import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { parseAllDocuments } from 'yaml';
import type { Manifest } from './manifest.ts';
import { findKubectl, orReason } from './programs.ts';

const run = promisify(execFile);

/** Path of a kubectl that knows components, or why there is none. */
export const kubectl = await orReason(findKubectl());

/** What `kubectl kustomize` makes of a folder; a warning of it fails the test. */
export async function buildOverlay(folder: string): Promise<Manifest[]> {
  const { stdout, stderr } = await run(kubectl.path, ['kustomize', folder], { maxBuffer: 16 * 1024 ** 2 });
  expect(stderr).toBe('');
  return parseAllDocuments(stdout).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS() as Manifest;
  });
}

/** The values of a generated ConfigMap, by the name before its hash. */
export function configOf(manifests: readonly Manifest[], prefix: string): Record<string, string> {
  const map = manifests.find(
    ({ kind, metadata }) => kind === 'ConfigMap' && metadata.name.startsWith(`${prefix}-`),
  );
  return (map?.['data'] ?? {}) as Record<string, string>;
}
