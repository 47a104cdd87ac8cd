import {
  isMap,
  isNode,
  isScalar,
  isSeq,
  type Document,
  type LineCounter,
  type Node,
  type YAMLMap,
} from 'yaml';

/**
 * Where the values of a YAML text stand. The library's own look-ups go through a mapping from its beginning, each time:
 * with ten thousand faults in a mapping of ten thousand members they would take minutes.
 */
export class Places {
  readonly #root: unknown;
  readonly #lines: LineCounter;
  readonly #members = new Map<YAMLMap, ReadonlyMap<string, unknown>>();

  constructor(yaml: Document, lines: LineCounter) {
    this.#root = yaml.contents;
    this.#lines = lines;
  }

  /** Line of the value at a path, counted from 1; where it is missing, of the nearest value around it. */
  lineOf(path: readonly (string | number)[]): number {
    let line = this.#line(this.#root) ?? 1;
    let node = this.#root;
    for (const part of path) {
      node = this.#child(node, part);
      if (node === undefined) break;
      line = this.#line(node) ?? line;
    }
    return line;
  }

  #child(node: unknown, part: string | number): unknown {
    if (isSeq(node)) return node.items[Number(part)];
    if (!isMap(node)) return undefined;
    let members = this.#members.get(node);
    if (members === undefined) {
      members = new Map(node.items.map(({ key, value }) => [keyText(key), value ?? key]));
      this.#members.set(node, members);
    }
    return members.get(String(part));
  }

  #line(node: unknown): number | undefined {
    return isNode(node) && node.range ? this.#lines.linePos(node.range[0]).line : undefined;
  }
}

/**
 * Keys that their mapping has already. The library compares every key with all that came before it, which
 * for a mapping of a hundred thousand takes minutes.
 */
export function repeatedKeys(yaml: Document): Node[] {
  const repeated: Node[] = [];
  const left: unknown[] = [yaml.contents];
  while (left.length > 0) {
    const node = left.pop();
    if (isSeq(node)) for (const item of node.items.toReversed()) left.push(item);
    if (!isMap(node)) continue;
    const seen = new Set<string>();
    for (const { key } of node.items) {
      if (!isScalar(key)) continue;
      const text = keyText(key);
      if (seen.has(text)) repeated.push(key);
      seen.add(text);
    }
    for (const { value } of node.items.toReversed()) left.push(value);
  }
  return repeated;
}

function keyText(key: unknown): string {
  return String(isScalar(key) ? key.value : key);
}
