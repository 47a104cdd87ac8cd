import type { QueryValues } from './endpoint.ts';

/** What the schema of a query says about how often a name may come. */
export interface QueryFields {
  /** Fields that take a list: `?symbol=A` is then a list of one, as `?symbol=A&symbol=B` is a list of two. */
  readonly lists: ReadonlySet<string>;
  /** Fields that take one text. Those of which the schema does not tell are in neither set. */
  readonly texts: ReadonlySet<string>;
}

const scalars = new Set<unknown>(['string', 'number', 'integer', 'boolean']);

/** Reads a JSON Schema; anything that is no schema of an object has no fields. */
export function queryFields(schema: unknown): QueryFields {
  const properties = Object.entries(objectOf(objectOf(schema)['properties']));
  const named = (are: (field: Record<string, unknown>) => boolean): Set<string> =>
    new Set(properties.flatMap(([name, field]) => (are(objectOf(field)) ? [name] : [])));
  return { lists: named(({ type }) => type === 'array'), texts: named(isText) };
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

function isText({ type, anyOf }: Record<string, unknown>): boolean {
  if (Array.isArray(anyOf)) return anyOf.every((each) => isText(objectOf(each)));
  return Array.isArray(type) ? type.every((each) => scalars.has(each)) : scalars.has(type);
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
