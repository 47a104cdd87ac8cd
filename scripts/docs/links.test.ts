import { existsSync } from 'node:fs';
import { glob, readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectRoot } from '@sluice/testing';

/** Anchors as they are made of headings: lower case, spaces to hyphens, other punctuation gone. */
function anchorsOf(markdown: string): Set<string> {
  const headings = markdown.replace(/```[^]*?```/g, '').matchAll(/^#+ +(.+)$/gm);
  return new Set(
    [...headings].map(([, text]) =>
      text!
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

async function brokenLinks(file: string): Promise<string[]> {
  const text = await readFile(path.join(projectRoot, file), 'utf8');
  const prose = text.replace(/```[^]*?```/g, '').replace(/`[^`\n]*`/g, '');
  const broken: string[] = [];
  for (const [, target] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(target!)) continue;
    const [name = '', anchor] = target!.split('#');
    const linked =
      name === '' ? path.join(projectRoot, file) : path.resolve(projectRoot, path.dirname(file), name);
    if (!existsSync(linked)) broken.push(`${file}: ${target}`);
    else if (
      anchor !== undefined &&
      linked.endsWith('.md') &&
      !anchorsOf(await readFile(linked, 'utf8')).has(anchor)
    )
      broken.push(`${file}: ${target} (no such heading)`);
  }
  return broken;
}

describe('the documentation', () => {
  it('has no link to a page or heading that does not exist', async () => {
    const broken: string[] = [];
    for (const pattern of ['*.md', 'docs/**/*.md', 'examples/**/*.md', 'bench/*.md', 'deploy/**/*.md'])
      for await (const file of glob(pattern, { cwd: projectRoot })) broken.push(...(await brokenLinks(file)));
    expect(broken).toEqual([]);
  });

  it('lists every page in its index', async () => {
    const index = await readFile(path.join(projectRoot, 'docs/README.md'), 'utf8');
    for await (const file of glob('*.md', { cwd: path.join(projectRoot, 'docs') }))
      if (file !== 'README.md') expect(index).toContain(`](${file})`);
  });
});
