import { z } from '@sluice/config';
import { gatewaySchema } from '../document/gateway.ts';

/** The parts of a JSON Schema that this project reads. */
export interface JsonSchema {
  readonly [keyword: string]: unknown;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly required?: readonly string[];
}

let made: JsonSchema | undefined;

/** The document as people write it, as JSON Schema 2020-12: for editors, the reference page and hints. */
export function documentSchema(): JsonSchema {
  if (made) return made;
  const whole = z.toJSONSchema(gatewaySchema, { io: 'input', unrepresentable: 'any' });
  // The schema has an id, so zod puts it among the definitions and refers to it.
  const { id: _id, ...document } = (whole.$defs ?? {})['gateway'] as JsonSchema;
  made = { $schema: 'https://json-schema.org/draft/2020-12/schema', ...document };
  return made;
}

/** The schemas that describe what is at `path`; several where there are alternatives, none where nothing may be. */
export function schemasAt(path: readonly (string | number)[]): readonly JsonSchema[] {
  let here: readonly JsonSchema[] = [documentSchema()];
  for (const part of path) here = here.flatMap(alternatives).flatMap((schema) => child(schema, part));
  return here;
}

/** The property names that may be at `path`. */
export function propertiesAt(path: readonly (string | number)[]): string[] {
  const names = schemasAt(path)
    .flatMap(alternatives)
    .flatMap((schema) => Object.keys(schema.properties ?? {}));
  return [...new Set(names)];
}

function alternatives(schema: JsonSchema): readonly JsonSchema[] {
  return schema.anyOf ?? [schema];
}

function child(schema: JsonSchema, part: string | number): readonly JsonSchema[] {
  if (typeof part === 'number') return schema.items ? [schema.items] : [];
  const property = schema.properties?.[part];
  if (property) return [property];
  return typeof schema.additionalProperties === 'object' ? [schema.additionalProperties] : [];
}
