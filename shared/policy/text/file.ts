import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { checkDocument, type CheckResult } from '../check/check.ts';
import { documentNotes } from '../check/notes.ts';
import { checkRouteSchemas } from '../check/route-schemas.ts';
import type { GatewayDocument } from '../document/gateway.ts';
import { readText, type TextFault } from './parse.ts';

export type LoadedFile =
  | {
      readonly ok: true;
      readonly document: GatewayDocument;
      /** The document as people wrote it, with the entries of list files in it: ready to be stored. */
      readonly input: unknown;
      /** What is valid and yet hardly meant. */
      readonly notes: readonly TextFault[];
      /** Every file that was read, absolute: the document itself first. */
      readonly files: readonly string[];
    }
  | { readonly ok: false; readonly faults: readonly TextFault[]; readonly files: readonly string[] };

/** Largest list file, bytes: a hundred thousand entries of the longest form. */
const maxListBytes = 16 * 1024 * 1024;

/**
 * Reads a document from a file, with the files that its address lists name: paths are relative to the document, and the
 * entries (one a line, `#` begins a comment) take their place, because whoever follows the document has other files.
 * Never throws: a file that cannot be read is a fault.
 */
export async function loadDocumentFile(file: string, name = file): Promise<LoadedFile> {
  const files = [path.resolve(file)];
  let text;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    return { ok: false, faults: [unreadable(error, name, 1, [])], files };
  }
  const read = readText(text, name);
  if ('faults' in read) return { ok: false, faults: read.faults, files };
  const lists = await readLists(read.value, { file, name }, files);
  const faults = lists.failed.map(({ list, error }) => {
    const place = ['addresses', 'lists', list, 'file'];
    return unreadable(error, name, read.lineOf(place), place);
  });
  const checked = checkDocument(lists.value);
  const wrong = checked.ok ? await checkRouteSchemas(checked.document) : [];
  const result: CheckResult = wrong.length === 0 ? checked : { ok: false, faults: wrong };
  if (!result.ok)
    for (const fault of result.faults) {
      const [, , list, index] = fault.path;
      const source = fault.path[1] === 'lists' ? lists.read.get(String(list)) : undefined;
      if (source && typeof index === 'number')
        faults.push({ ...fault, name: source.name, line: source.lines[index] ?? 1 });
      else faults.push({ ...fault, name, line: read.lineOf(fault.path) });
    }
  if (!result.ok || faults.length > 0) return { ok: false, faults, files };
  const { document } = result;
  const notes = documentNotes(document).map((note) => ({ ...note, name, line: read.lineOf(note.path) }));
  return { ok: true, document, input: lists.value, notes, files };
}

interface ListFile {
  readonly name: string;
  readonly entries: readonly string[];
  /** Line of each entry. */
  readonly lines: readonly number[];
}

async function readLists(
  value: unknown,
  document: { readonly file: string; readonly name: string },
  files: string[],
): Promise<{
  value: unknown;
  read: Map<string, ListFile>;
  failed: { list: string; error: unknown }[];
}> {
  const read = new Map<string, ListFile>();
  const failed: { list: string; error: unknown }[] = [];
  const addresses = objectIn(value, 'addresses');
  const lists = objectIn(addresses, 'lists');
  if (!lists) return { value, read, failed };
  const resolved: Record<string, unknown> = { ...lists };
  for (const [list, entries] of Object.entries(lists)) {
    const file = objectIn(lists, list)?.['file'];
    if (typeof file !== 'string' || Object.keys(entries as object).length !== 1) continue;
    const place = path.resolve(path.dirname(document.file), file);
    files.push(place);
    try {
      const parsed = await readList(place, path.join(path.dirname(document.name), file));
      read.set(list, parsed);
      resolved[list] = parsed.entries;
    } catch (error) {
      failed.push({ list, error });
    }
  }
  return { value: { ...(value as object), addresses: { ...addresses, lists: resolved } }, read, failed };
}

async function readList(place: string, name: string): Promise<ListFile> {
  const text = await readFile(place, 'utf8');
  if (text.length > maxListBytes) throw new Error(`${name} is longer than ${maxListBytes} bytes`);
  const entries: string[] = [];
  const lines: number[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const entry = line.replace(/#.*/, '').trim();
    if (entry === '') continue;
    entries.push(entry);
    lines.push(index + 1);
  }
  return { name, entries, lines };
}

function objectIn(value: unknown, key: string): Record<string, unknown> | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const inner = (value as Record<string, unknown>)[key];
  return typeof inner === 'object' && inner !== null && !Array.isArray(inner)
    ? (inner as Record<string, unknown>)
    : null;
}

function unreadable(error: unknown, name: string, line: number, place: (string | number)[]): TextFault {
  const code = (error as NodeJS.ErrnoException).code;
  const message = error instanceof Error ? error.message : String(error);
  if (code === 'ENOENT')
    return {
      name,
      line,
      path: place,
      message: 'there is no such file',
      hint: 'paths are relative to the document',
    };
  return { name, line, path: place, message, hint: null };
}
