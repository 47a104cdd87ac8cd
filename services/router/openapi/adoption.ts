import { unescapeToken, valueAt } from '@sluice/errors';
import {
  dataKeywords,
  isObjectSchema,
  SchemaError,
  schemaKeywords,
  schemaListKeywords,
  schemaMapKeywords,
  type JsonSchema,
} from '@sluice/policy/schemas';

/** Copies of referenced parts may multiply a schema; this many objects per endpoint are plenty. */
const maxObjects = 20_000;

/**
 * Moves the schemas of one endpoint into an OpenAPI document. There, `#` is the document and no longer the schema, so
 * everything a schema refers to becomes a component `<endpoint>.<name>`, and the reference follows it. References out of
 * the schema are replaced by "anything": the reader of the document is not sent to fetch foreign addresses. What only
 * names or anchors a schema is dropped.
 */
export class Adoption {
  /** Components made so far, by name. */
  readonly components = new Map<string, JsonSchema>();
  readonly #prefix: string;
  #objects = 0;

  /** `prefix` is the route's id. Names after it hold no dot, so names of two routes never meet. */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** A schema that gets a component of its own; gives the reference to it. */
  component(root: JsonSchema, name: string): JsonSchema {
    return new Source(this, root, name).reference('#');
  }

  /** Opens a schema whose parts are used one by one, such as the properties of the query. */
  source(root: JsonSchema, name: string): Source {
    return new Source(this, root, name);
  }

  /** A free component name of this endpoint. */
  reserve(name: string): string {
    const plain = `${this.#prefix}.${name.replace(/[^A-Za-z0-9_-]+/g, '_').slice(0, 64) || 'schema'}`;
    for (let n = 1; ; n++) {
      const free = n === 1 ? plain : `${plain}_${n}`;
      if (this.components.has(free)) continue;
      this.components.set(free, true);
      return free;
    }
  }

  count(): void {
    if (++this.#objects > maxObjects) throw new SchemaError('references make the schemas too large');
  }
}

/** One schema document that references resolve in. */
export class Source {
  readonly #adoption: Adoption;
  readonly #root: JsonSchema;
  readonly #name: string;
  readonly #hoisted = new Map<string, string>();

  constructor(adoption: Adoption, root: JsonSchema, name: string) {
    this.#adoption = adoption;
    this.#root = root;
    this.#name = name;
  }

  /** A copy of a part of this source with every reference moved. */
  convert(schema: unknown): JsonSchema {
    if (typeof schema === 'boolean') return schema;
    if (!isObjectSchema(schema)) throw new SchemaError('a schema is neither an object nor a boolean');
    this.#adoption.count();
    const entries: [string, unknown][] = [];
    for (const [keyword, value] of Object.entries(schema)) {
      if (keyword === '$ref') entries.push(...this.#move(value));
      else if (schemaKeywords.has(keyword)) entries.push([keyword, this.convert(value)]);
      else if (schemaListKeywords.has(keyword))
        entries.push([keyword, (value as unknown[]).map((each) => this.convert(each))]);
      else if (schemaMapKeywords.has(keyword)) entries.push([keyword, this.#convertMap(value)]);
      else if (dataKeywords.has(keyword)) entries.push([keyword, value]);
    }
    // fromEntries defines properties: a key called `__proto__` stays a key.
    return agree(Object.fromEntries(entries));
  }

  /** The reference to the component made of what `pointer` names; "anything" where it names nothing. */
  reference(pointer: string): JsonSchema {
    let name = this.#hoisted.get(pointer);
    if (name === undefined) {
      const target = resolve(this.#root, pointer);
      if (target === undefined) return true;
      name = this.#adoption.reserve(pointer === '#' ? this.#name : lastToken(pointer));
      // Known before it is converted: a schema may refer to itself.
      this.#hoisted.set(pointer, name);
      this.#adoption.components.set(name, this.convert(target));
    }
    return { $ref: `#/components/schemas/${name}` };
  }

  #move(value: unknown): [string, unknown][] {
    const moved = typeof value === 'string' ? this.reference(value) : true;
    return typeof moved === 'boolean' ? [] : Object.entries(moved);
  }

  #convertMap(value: unknown): Record<string, JsonSchema> {
    const entries = Object.entries(value as object);
    return Object.fromEntries(entries.map(([key, schema]) => [key, this.convert(schema)]));
  }
}

/**
 * Takes out what cannot be together with `type`: readers of OpenAPI refuse a whole document for it. Keywords of another
 * type say nothing in JSON Schema; of an `enum` the values of other types could never be sent.
 */
function agree(schema: Record<string, unknown>): JsonSchema {
  const { type, enum: values, ...rest } = schema;
  if (type === undefined) return schema;
  if (type === 'object') delete rest['items'];
  if (type === 'array') delete rest['properties'];
  const types = Array.isArray(type) ? type : [type];
  const possible = Array.isArray(values)
    ? values.filter((value) => types.some((each) => isOf(each, value)))
    : [];
  return { type, ...(possible.length > 0 ? { enum: possible } : {}), ...rest };
}

function isOf(type: unknown, value: unknown): boolean {
  if (type === 'integer') return Number.isInteger(value);
  if (type === 'null') return value === null;
  if (type === 'array') return Array.isArray(value);
  if (type === 'object') return isObjectSchema(value);
  return typeof value === type;
}

/** RFC 6901 inside the schema; undefined for pointers elsewhere, to nothing, and to what is no schema. */
function resolve(root: JsonSchema, pointer: string): JsonSchema | undefined {
  if (pointer === '#') return root;
  if (!pointer.startsWith('#/')) return undefined;
  const value = valueAt(root, tokens(pointer));
  return typeof value === 'boolean' || isObjectSchema(value) ? value : undefined;
}

function lastToken(pointer: string): string {
  return tokens(pointer).at(-1) ?? '';
}

function tokens(pointer: string): string[] {
  const text = safeDecode(pointer.slice(2));
  return text.split('/').map(unescapeToken);
}

function safeDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
