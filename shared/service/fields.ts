import { fragmentTokens, valueAt } from '@sluice/errors';

type Json = Readonly<Record<string, unknown>>;

/** A member that an object schema names. */
export interface Field {
  /** More than one where several parts of the schema name it: all of them hold. */
  readonly schemas: readonly unknown[];
  readonly required: boolean;
}

/** The members that a JSON Schema of an object names: by itself, behind local references, and in the parts of `allOf`. */
export function fieldsOf(root: unknown): Map<string, Field> {
  const schemas = new Map<string, unknown[]>();
  const required = new Set<unknown>();
  const parts = new Set([root]);
  // A set is walked to its end while it grows, and takes no part twice: a schema may refer to itself.
  for (const part of parts) {
    if (!isObject(part)) continue;
    const { properties, required: names, allOf, $ref } = part;
    for (const [name, schema] of isObject(properties) ? Object.entries(properties) : [])
      schemas.set(name, [...(schemas.get(name) ?? []), schema]);
    for (const name of listed(names)) required.add(name);
    for (const each of listed(allOf)) parts.add(each);
    if (typeof $ref === 'string') parts.add(localTarget(root, $ref));
  }
  return new Map([...schemas].map(([name, all]) => [name, { schemas: all, required: required.has(name) }]));
}

/** What a reference inside the schema leads to (RFC 6901 section 6); undefined where that is nothing. */
export function localTarget(root: unknown, reference: string): unknown {
  const tokens = fragmentTokens(reference);
  return tokens && valueAt(root, tokens);
}

export function listed(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
