import { isNode, LineCounter, parseDocument, type Document } from 'yaml';
import { checkDocument, type DeclaredRoute, type DocumentFault } from './document.ts';

/** The text of a routes file cannot be used. One line per fault: `routes.yaml:7: routes[1].path: …`. */
export class RoutesFileError extends Error {
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(faults.join('; '));
    this.name = 'RoutesFileError';
    this.faults = faults;
  }
}

export interface ParsedRoutes {
  readonly routes: readonly DeclaredRoute[];
  /** The document as people wrote it, ready for KV `config`. */
  readonly document: unknown;
}

/** Aliases may multiply a small file into a huge document ("billion laughs"): this many are plenty. */
const maxAliases = 100;

/** Reads a routes file. `name` is how messages call it. Throws {@link RoutesFileError} with every fault. */
export function parseRoutesYaml(text: string, name: string): ParsedRoutes {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  if (document.errors.length > 0)
    throw new RoutesFileError(
      document.errors.map((error) => `${name}:${lines.linePos(error.pos[0]).line}: ${error.message}`),
    );
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: maxAliases }) ?? { routes: [] };
  } catch (error) {
    throw new RoutesFileError([`${name}: ${error instanceof Error ? error.message : String(error)}`]);
  }
  const result = checkDocument(value);
  if (!result.ok)
    throw new RoutesFileError(result.faults.map((fault) => describe(fault, document, lines, name)));
  return { routes: result.routes, document: value };
}

function describe(fault: DocumentFault, document: Document, lines: LineCounter, name: string): string {
  const line = lineOf(fault.path, document, lines);
  const place = formatPath(fault.path);
  return `${name}:${line}: ${place === '' ? '' : `${place}: `}${fault.message}`;
}

/** Line of the value at `path`; where it is missing, of the nearest value around it. */
function lineOf(path: readonly (string | number)[], document: Document, lines: LineCounter): number {
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return document.contents?.range ? lines.linePos(document.contents.range[0]).line : 1;
}

/** `['routes', 3, 'path']` → `routes[3].path`. */
export function formatPath(path: readonly (string | number)[]): string {
  return path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? part : `.${part}`))
    .join('');
}
