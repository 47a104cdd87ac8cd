import { readFile, stat } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { RangeBuilder, type AddressRanges } from './ranges.ts';

/** A list as the document has it: entries, or a file with one a line. */
export type ListSource = readonly string[] | { readonly file: string };

/** Entries of one turn of the event loop: one or two milliseconds. */
const slice = 2_000;
const largestFile = 64 * 1024 * 1024;

interface Compiled {
  readonly entries: readonly string[];
  readonly ranges: AddressRanges;
}

/** Compiles lists of addresses, without holding up traffic, and only those that have changed. */
export class AddressLists {
  #compiled = new Map<string, Compiled>();

  /**
   * The lists by name. Throws, and keeps what it had, for a file that cannot be read or an entry that is no address:
   * the message names list and line. Calls must not overlap.
   */
  async compile(sources: Readonly<Record<string, ListSource>>): Promise<Map<string, AddressRanges>> {
    const compiled = new Map<string, Compiled>();
    for (const [name, source] of Object.entries(sources)) {
      const entries = 'file' in source ? await linesOf(name, source.file) : source;
      const before = this.#compiled.get(name);
      const same = before !== undefined && sameEntries(before.entries, entries);
      compiled.set(name, same ? before : { entries, ranges: await rangesOf(name, entries) });
    }
    this.#compiled = compiled;
    return new Map([...compiled].map(([name, { ranges }]) => [name, ranges]));
  }
}

async function rangesOf(name: string, entries: readonly string[]): Promise<AddressRanges> {
  const builder = new RangeBuilder();
  for (const [index, entry] of entries.entries()) {
    if (index % slice === slice - 1) {
      builder.settle();
      await nextTurn();
    }
    // Without the text: who writes a document could have any file of this machine quoted into the log.
    if (entry !== '' && !builder.add(entry))
      throw new Error(`list "${name}", entry ${index + 1} is neither an address nor a CIDR block`);
  }
  return builder.build();
}

/** One entry a line; what follows a `#` is a comment. Lines without an entry are kept, so that positions are line numbers. */
async function linesOf(name: string, file: string): Promise<string[]> {
  if ((await stat(file)).size > largestFile)
    throw new Error(`list "${name}": ${file} is larger than ${largestFile} bytes`);
  const text = await readFile(file, 'utf8');
  return text.split('\n').map((line) => (line.split('#', 1)[0] as string).trim());
}

function sameEntries(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
