import { fragmentTokens, unescapeToken, valueAt } from '@sluice/errors';
import type { DocumentFault } from '../check/fault.ts';
import { compileCheck, type Fault } from './compile.ts';
import {
  checkSchema,
  isObjectSchema,
  SchemaError,
  schemaKeywords,
  schemaListKeywords,
  schemaMapKeywords,
  type JsonSchema,
} from './json-schema.ts';
import { patternFault } from './pattern.ts';

type Path = readonly (string | number)[];

/**
 * What a router has against a JSON Schema, so that it is told before the schema is in force: later every request to the
 * route would be refused. Paths begin at the schema. `kind` null: a schema that only documents is not compiled.
 */
export function schemaFaults(written: unknown, kind: 'exact' | 'coerced' | null): DocumentFault[] {
  let schema: JsonSchema;
  try {
    schema = checkSchema(written);
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error;
    return [error.fault === null ? { path: [], message: error.message, hint: null } : misformed(error.fault)];
  }
  if (kind === null) return [];
  const walk = new Walk(schema);
  // Compiling takes a hundred times as long as looking, and finds nothing else in most schemas.
  return walk.faults.length > 0 || !walk.compile ? walk.faults : compileFaults(schema, kind);
}

function misformed({ instancePath, message }: Fault): DocumentFault {
  return {
    path: instancePath
      .split('/')
      .slice(1)
      .map((token) => index(unescapeToken(token))),
    message: `is no JSON Schema (draft 2020-12): ${message ?? 'it does not fit the meta-schema'}`,
    hint: null,
  };
}

function compileFaults(schema: JsonSchema, kind: 'exact' | 'coerced'): DocumentFault[] {
  try {
    compileCheck(schema, kind);
    return [];
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error;
    return [{ path: [], message: error.message, hint: null }];
  }
}

const patternHint =
  'patterns take time linear in the text: no look-around, no back-references, `\\x{e9}` instead of `\\u00e9`, repeats up to 1,000';

/** What a compilation could stumble over besides patterns and pointers. */
const compiledKeywords = ['$id', '$anchor', '$dynamicAnchor', '$dynamicRef', 'nullable'];

/**
 * Looks at the patterns and references of a schema that fits the meta-schema, and says whether that is enough. Definitions
 * are looked at where something refers to them: what nothing refers to is not compiled either.
 */
class Walk {
  readonly faults: DocumentFault[] = [];
  compile = false;
  readonly #root: JsonSchema;
  readonly #left: { readonly schema: unknown; readonly path: Path }[];
  readonly #seen = new Set<unknown>();

  constructor(root: JsonSchema) {
    this.#root = root;
    this.#left = [{ schema: root, path: [] }];
    for (let next = this.#left.pop(); next; next = this.#left.pop()) this.#look(next.schema, next.path);
  }

  #look(schema: unknown, path: Path): void {
    if (!isObjectSchema(schema) || this.#seen.has(schema)) return;
    this.#seen.add(schema);
    const { pattern, patternProperties, $ref, enum: values } = schema;
    if (typeof pattern === 'string') this.#pattern(pattern, [...path, 'pattern']);
    if (isObjectSchema(patternProperties))
      for (const each of Object.keys(patternProperties))
        this.#pattern(each, [...path, 'patternProperties', each]);
    if (typeof $ref === 'string') this.#reference($ref, [...path, '$ref']);
    this.compile ||= Array.isArray(values) && values.length === 0;
    this.compile ||= compiledKeywords.some((keyword) => Object.hasOwn(schema, keyword));
    for (const [keyword, value] of Object.entries(schema)) {
      const at = [...path, keyword];
      if (schemaKeywords.has(keyword)) this.#left.push({ schema: value, path: at });
      else if (schemaListKeywords.has(keyword) || schemaMapKeywords.has(keyword))
        for (const [name, each] of Object.entries(value as object))
          this.#left.push({ schema: each, path: [...at, Array.isArray(value) ? Number(name) : name] });
    }
  }

  #pattern(pattern: string, path: Path): void {
    const reason = patternFault(pattern);
    if (reason !== null)
      this.faults.push({
        path,
        message: `is a pattern that routers do not take: ${reason}`,
        hint: patternHint,
      });
  }

  #reference(to: string, path: Path): void {
    const way = fragmentTokens(to);
    if (way === undefined) {
      this.compile = true;
      return;
    }
    const place = valueAt(this.#root, way);
    if (place === undefined) {
      this.faults.push({ path, message: `"${to.slice(0, 80)}" is nowhere in this schema`, hint: null });
      return;
    }
    // It may lead back to where it came from.
    if (isObjectSchema(place) && Object.hasOwn(place, '$ref')) this.compile = true;
    this.#left.push({ schema: place, path: way.map(index) });
  }
}

/** Digits are a place in a list, to whoever looks for the line. */
function index(text: string): string | number {
  return /^\d+$/.test(text) ? Number(text) : text;
}
