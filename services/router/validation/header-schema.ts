import {
  isObjectSchema,
  schemaKeywords,
  schemaListKeywords,
  schemaMapKeywords,
  type JsonSchema,
} from '@sluice/policy/schemas';
import { TextMap, type FlatHeaders } from '@sluice/wire';

export interface HeaderSchema {
  /** What fields under lower-case names are checked with. */
  readonly schema: JsonSchema;
  /** The names as the schema writes them, by their lower-case form: refusals name them so. */
  readonly written: ReadonlyMap<string, string>;
}

/** More places for schemas, that references lead to. */
const definitions = new Set(['$defs', 'definitions']);
/** Keywords that, with `false`, say that there is nothing else. */
const closing = new Set(['additionalProperties', 'unevaluatedProperties']);
/** Keywords whose members are named like fields. */
const named = new Set(['properties', 'dependentSchemas', 'dependentRequired']);

/**
 * A schema of header fields for a message whose names are lower case (RFC 9110 section 5.1: they mean the same in any
 * case). Values of fields are texts, so wherever the schema names members, behind references and choices too, it names
 * fields. `additionalProperties: false` and its like are left out: clients and proxies add fields of their own, and by the
 * same section a recipient ignores those that it does not know.
 */
export function headerSchema(schema: JsonSchema): HeaderSchema {
  const written = new Map<string, string>();
  return { schema: lowered(schema, written), written };
}

/**
 * The fields of a message as the schema looks at them. RFC 9110 section 5.3: fields of one name are one list, joined by
 * commas.
 */
export function headerTexts(headers: FlatHeaders): Record<string, string> {
  const texts = new TextMap();
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    const before = texts[name];
    texts[name] = before === undefined ? (headers[i + 1] as string) : `${before}, ${headers[i + 1]}`;
  }
  return texts;
}

function lowered(schema: unknown, written: Map<string, string>): JsonSchema {
  if (!isObjectSchema(schema)) return schema as JsonSchema;
  const kept = Object.entries(schema).filter(([keyword, value]) => value !== false || !closing.has(keyword));
  return Object.fromEntries(kept.map(([keyword, value]) => [keyword, part(keyword, value, written)]));
}

function part(keyword: string, value: unknown, written: Map<string, string>): unknown {
  if (keyword === 'required') return lowerNames(value, written);
  if (keyword === 'patternProperties') return anyCase(value, written);
  if (named.has(keyword)) return members(value, written);
  if (schemaKeywords.has(keyword)) return lowered(value, written);
  if (schemaListKeywords.has(keyword)) return (value as unknown[]).map((each) => lowered(each, written));
  if (!schemaMapKeywords.has(keyword) && !definitions.has(keyword)) return value;
  const map = Object.entries(value as object);
  return Object.fromEntries(map.map(([name, each]) => [name, lowered(each, written)]));
}

/**
 * A member stays under the name that is written as well, for the references that lead there; no field has that name. Two
 * spellings of one field hold together.
 */
function members(value: unknown, written: Map<string, string>): unknown {
  const made = new Map<string, unknown>();
  for (const [name, each] of Object.entries(value as object)) {
    const inner = Array.isArray(each) ? lowerNames(each, written) : lowered(each, written);
    const lower = lowerName(name, written);
    made.set(lower, made.has(lower) ? both(made.get(lower), inner) : inner);
    if (lower !== name) made.set(name, inner);
  }
  return Object.fromEntries(made);
}

/** Names that are required together, or schemas that both have to fit. */
function both(a: unknown, b: unknown): unknown {
  return Array.isArray(a) && Array.isArray(b) ? [...new Set<unknown>([...a, ...b])] : { allOf: [a, b] };
}

/** `(?i)` as the engine of the patterns writes it; a name without capitals needs none. */
function anyCase(value: unknown, written: Map<string, string>): unknown {
  return Object.fromEntries(
    Object.entries(value as object).map(([pattern, each]) => [
      /[A-Z]/.test(pattern) ? `(?i)${pattern}` : pattern,
      lowered(each, written),
    ]),
  );
}

function lowerNames(names: unknown, written: Map<string, string>): string[] {
  return [...new Set((names as string[]).map((name) => lowerName(name, written)))];
}

function lowerName(name: string, written: Map<string, string>): string {
  const lower = name.toLowerCase();
  if (!written.has(lower)) written.set(lower, name);
  return lower;
}
