import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js';

/** A JSON Schema of draft 2020-12: an object, or a boolean. */
export type JsonSchema = boolean | { readonly [keyword: string]: unknown };

/** Why a schema cannot be used. */
export class SchemaError extends Error {
  /** Where it does not fit the meta-schema; null for other reasons. */
  readonly fault: ErrorObject | null;

  constructor(message: string, fault: ErrorObject | null = null) {
    super(message);
    this.name = 'SchemaError';
    this.fault = fault;
  }
}

/** Bounds of one schema: what endpoints send is foreign input, and walking it must not stop the router. */
const maxDepth = 64;
const maxNodes = 20_000;

/** Where keywords hold schemas; every other keyword that is kept holds plain data. */
export const schemaKeywords = new Set([
  'items',
  'additionalProperties',
  'unevaluatedItems',
  'unevaluatedProperties',
  'contains',
  'propertyNames',
  'not',
  'if',
  'then',
  'else',
  'contentSchema',
]);
export const schemaListKeywords = new Set(['allOf', 'anyOf', 'oneOf', 'prefixItems']);
export const schemaMapKeywords = new Set(['properties', 'patternProperties', 'dependentSchemas']);

/** Keywords of the validation, format, content and meta-data vocabularies. What is in no vocabulary is left out. */
export const dataKeywords = new Set([
  'type',
  'enum',
  'const',
  'multipleOf',
  'maximum',
  'exclusiveMaximum',
  'minimum',
  'exclusiveMinimum',
  'maxLength',
  'minLength',
  'pattern',
  'maxItems',
  'minItems',
  'uniqueItems',
  'maxContains',
  'minContains',
  'maxProperties',
  'minProperties',
  'required',
  'dependentRequired',
  'format',
  'contentEncoding',
  'contentMediaType',
  'title',
  'description',
  'default',
  'deprecated',
  'readOnly',
  'writeOnly',
  'examples',
]);

const ajv = new Ajv2020({ strict: false, validateFormats: false, logger: false });

/** Checks bounds and the meta-schema. Throws {@link SchemaError}. */
export function checkSchema(value: unknown): JsonSchema {
  measure(value);
  if (typeof value === 'boolean') return value;
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new SchemaError('a schema is neither an object nor a boolean');
  const { $schema: _dialect, ...schema } = value as Record<string, unknown>;
  if (ajv.validateSchema(schema) !== true)
    throw new SchemaError(
      `a schema is not valid: ${ajv.errorsText(ajv.errors).slice(0, 200)}`,
      ajv.errors?.[0],
    );
  return schema;
}

/** Walks without recursion, because depth is the sender's choice. */
function measure(value: unknown): void {
  const stack: { value: unknown; depth: number }[] = [{ value, depth: 0 }];
  let nodes = 0;
  for (let next = stack.pop(); next; next = stack.pop()) {
    if (++nodes > maxNodes) throw new SchemaError(`a schema has more than ${maxNodes} values`);
    if (typeof next.value !== 'object' || next.value === null) continue;
    if (next.depth === maxDepth) throw new SchemaError(`a schema is nested deeper than ${maxDepth}`);
    for (const child of Object.values(next.value)) stack.push({ value: child, depth: next.depth + 1 });
  }
}

export function isObjectSchema(schema: unknown): schema is Record<string, unknown> {
  return typeof schema === 'object' && schema !== null && !Array.isArray(schema);
}
