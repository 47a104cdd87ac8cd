import type { QueryValues } from './endpoint.ts';
import { fieldsOf, isObject, listed, localTarget } from './fields.ts';

/** What the schema of a query says about how often a name may come. */
export interface QueryFields {
  /** Fields that take a list: `?symbol=A` is then a list of one, as `?symbol=A&symbol=B` is a list of two. */
  readonly lists: ReadonlySet<string>;
  /** Fields that take one text. Those of which the schema does not tell are in neither set. */
  readonly texts: ReadonlySet<string>;
}

/** Reads a JSON Schema; anything that is no schema of an object has no fields. */
export function queryFields(schema: unknown): QueryFields {
  const known = new Map<unknown, Kind>();
  const kinds = [...fieldsOf(schema)].map(
    ([name, { schemas }]) => [name, together(schemas.map((each) => kindOf(schema, each, known)))] as const,
  );
  const named = (kind: Kind): Set<string> =>
    new Set(kinds.flatMap(([name, each]) => (each === kind ? [name] : [])));
  return { lists: named('list'), texts: named('text') };
}

/**
 * Names that came more than once although they take one text; each keeps its first value, so that the schema has nothing
 * to say about lists that nobody meant. Changes `values`.
 */
export function keepFirst(values: QueryValues, { texts }: QueryFields): string[] {
  const repeated: string[] = [];
  for (const name of texts) {
    const value = values[name];
    if (!Array.isArray(value)) continue;
    (values as Record<string, unknown>)[name] = value[0];
    repeated.push(name);
  }
  return repeated;
}

/** What is said of each of those. */
export const onceOnly = 'may be given once';

/** What of a query a schema takes: one text alone, lists alone, both, or neither (`null`, an object). */
type Kind = 'text' | 'list' | 'both' | 'neither';

function kindOf(root: unknown, schema: unknown, known: Map<unknown, Kind>): Kind {
  if (!isObject(schema)) return 'both';
  const before = known.get(schema);
  if (before !== undefined) return before;
  // A choice that leads back to itself adds nothing to it.
  known.set(schema, 'neither');
  const inside = (each: unknown): Kind => kindOf(root, each, known);
  const { type, $ref, allOf, anyOf, oneOf } = schema;
  const parts = listed(allOf).map(inside);
  if (type !== undefined) parts.push(either([type].flat().map(kindOfType)));
  if (typeof $ref === 'string') parts.push(inside(localTarget(root, $ref)));
  for (const choice of [anyOf, oneOf]) if (Array.isArray(choice)) parts.push(either(choice.map(inside)));
  const kind = together(parts);
  known.set(schema, kind);
  return kind;
}

function kindOfType(type: unknown): Kind {
  if (type === 'array') return 'list';
  return type === 'null' || type === 'object' ? 'neither' : 'text';
}

/** Of a choice. What is neither can be no query, so the others decide. */
function either(kinds: readonly Kind[]): Kind {
  const [first = 'neither', ...others] = new Set(kinds.filter((kind) => kind !== 'neither'));
  return others.length === 0 ? first : 'both';
}

/** Of what has to fit together. Where that is nothing the schema has the word. */
function together(kinds: readonly Kind[]): Kind {
  const [first = 'both', ...others] = new Set(kinds.filter((kind) => kind !== 'both'));
  return others.length === 0 ? first : 'both';
}
