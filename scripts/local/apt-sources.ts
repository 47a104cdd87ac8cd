import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

/** A Debian archive that this machine already trusts: where it is, and what its signatures are checked with. */
export interface AptArchive {
  readonly uri: string;
  /** Content of `Signed-By`: a path, or a key block written into the file; absent means apt's trusted keys. */
  readonly signedBy?: string;
}

/**
 * The archives named in the machine's apt sources, in both formats of sources.list(5), most likely Debian's main
 * archive first. Security and third-party archives sort last or are left out: they do not hold other suites.
 */
export async function aptArchives(directory = '/etc/apt'): Promise<AptArchive[]> {
  const found: AptArchive[] = [];
  for (const file of await sourceFiles(directory)) {
    const text = await readFile(file, 'utf8').catch(() => '');
    found.push(...(file.endsWith('.sources') ? parseDeb822(text) : parseOneLine(text)));
  }
  const unique = found.filter((archive, at) => found.findIndex((other) => other.uri === archive.uri) === at);
  return unique.sort((a, b) => rank(a) - rank(b));
}

async function sourceFiles(directory: string): Promise<string[]> {
  const parts = path.join(directory, 'sources.list.d');
  const names = await readdir(parts).catch(() => [] as string[]);
  const inParts = names.filter((name) => /\.(sources|list)$/.test(name)).sort();
  return [path.join(directory, 'sources.list'), ...inParts.map((name) => path.join(parts, name))];
}

/** One-line format: `deb [option=value ...] uri suite component...`. */
export function parseOneLine(text: string): AptArchive[] {
  const archives: AptArchive[] = [];
  for (const line of text.split('\n')) {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+([^#]*)/.exec(line);
    if (!match) continue;
    const [, options = '', uri = '', suite = '', components = ''] = match;
    const signedBy = /(?:^|\s)signed-by=(\S+)/i.exec(options)?.[1];
    if (holdsOtherSuites(suite, components)) archives.push({ uri, ...(signedBy ? { signedBy } : {}) });
  }
  return archives;
}

/** deb822 format: stanzas of `Field: value`, continuation lines start with a space. */
export function parseDeb822(text: string): AptArchive[] {
  const archives: AptArchive[] = [];
  for (const stanza of text.split(/\n\s*\n/)) {
    const fields = new Map<string, string>();
    let name = '';
    for (const line of stanza.split('\n')) {
      if (line.startsWith('#')) continue;
      const field = /^([A-Za-z-]+)\s*:\s*(.*)$/.exec(line);
      if (field) fields.set((name = field[1]!.toLowerCase()), field[2]!);
      else if (/^\s/.test(line) && name !== '') fields.set(name, `${fields.get(name)}\n${line}`);
    }
    if (/^(no|false|0|off)$/i.test(fields.get('enabled') ?? '')) continue;
    if (!/\bdeb\b(?!-)/.test(fields.get('types') ?? '')) continue;
    if (!holdsOtherSuites(fields.get('suites') ?? '', fields.get('components') ?? '')) continue;
    const signedBy = fields.get('signed-by');
    for (const uri of (fields.get('uris') ?? '').split(/\s+/).filter(Boolean))
      archives.push({ uri, ...(signedBy === undefined || signedBy === '' ? {} : { signedBy }) });
  }
  return archives;
}

/** A flat repository has a path for a suite; Debian's archive has names, and a component `main`. */
function holdsOtherSuites(suites: string, components: string): boolean {
  const names = suites.split(/\s+/).filter(Boolean);
  return /(^|\s)main(\s|$)/.test(components) && names.some((name) => !/\/$|-security$|\/updates$/.test(name));
}

function rank(archive: AptArchive): number {
  const debianKey = /debian-archive/.test(archive.signedBy ?? '') ? 0 : 1;
  const debianPath = /\/debian\/?$|\/debian\.list$/.test(archive.uri) ? 0 : 2;
  return debianKey + debianPath;
}
