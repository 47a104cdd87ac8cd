import { isDeepStrictEqual } from 'node:util';

/** One difference between two documents as people write them. */
export interface DocumentChange {
  readonly op: 'add' | 'remove' | 'change';
  /** Where: `limits.burst.limit`, `routes[orders.get].timeout`; members of a list go by id, name or value, not by place. */
  readonly path: string;
  /** Absent where something is added. */
  readonly before?: unknown;
  /** Absent where something is removed. */
  readonly after?: unknown;
}

/**
 * What one document changes about another, in the order of the parts. Lists of things with an `id` are compared by it:
 * a route that moved has not changed. In other lists order counts: where what stayed has another one, the members are
 * listed as they stood and as they stand now.
 */
export function documentChanges(before: unknown, after: unknown): DocumentChange[] {
  const found: DocumentChange[] = [];
  compare('', before, after, found);
  return found;
}

function compare(path: string, before: unknown, after: unknown, found: DocumentChange[]): void {
  if (isDeepStrictEqual(before, after)) return;
  if (before === undefined) found.push({ op: 'add', path, after });
  else if (after === undefined) found.push({ op: 'remove', path, before });
  else if (isObject(before) && isObject(after)) compareObjects(path, before, after, found);
  else if (Array.isArray(before) && Array.isArray(after)) compareLists(path, before, after, found);
  else found.push({ op: 'change', path, before, after });
}

function compareObjects(
  path: string,
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
  found: DocumentChange[],
): void {
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const plain = /^[A-Za-z0-9_-]+$/.test(name);
    const place = plain ? (path === '' ? name : `${path}.${name}`) : `${path}[${JSON.stringify(name)}]`;
    compare(
      place,
      Object.hasOwn(before, name) ? before[name] : undefined,
      Object.hasOwn(after, name) ? after[name] : undefined,
      found,
    );
  }
}

function compareLists(
  path: string,
  before: readonly unknown[],
  after: readonly unknown[],
  found: DocumentChange[],
): void {
  const left = byIdentity(before);
  const right = byIdentity(after);
  // A list with two equal members cannot be told apart by its members.
  if (!left || !right) return void found.push({ op: 'change', path, before, after });
  for (const key of new Set([...left.keys(), ...right.keys()]))
    compare(`${path}[${key}]`, left.get(key), right.get(key), found);
  if (before.some((member) => isObject(member) && 'id' in member)) return undefined;
  const stayed = [...left.keys()].filter((key) => right.has(key));
  const stayedAfter = [...right.keys()].filter((key) => left.has(key));
  if (!isDeepStrictEqual(stayed, stayedAfter))
    found.push({ op: 'change', path, before: [...left.keys()], after: [...right.keys()] });
  return undefined;
}

/** Members by what they are known by: an id, a channel pattern, or their own text. */
function byIdentity(list: readonly unknown[]): Map<string, unknown> | null {
  const members = new Map<string, unknown>();
  for (const member of list) {
    const name = isObject(member) ? (member['id'] ?? member['match']) : member;
    if (typeof name !== 'string' && typeof name !== 'number') return null;
    const key = String(name);
    if (members.has(key)) return null;
    members.set(key, member);
  }
  return members;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
