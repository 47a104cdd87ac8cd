import { checkSchema, isObjectSchema, SchemaError, type JsonSchema } from '@sluice/policy/schemas';
import type { CompiledRoute } from '@sluice/routes';
import { fieldsOf } from '@sluice/service';
import { Adoption } from './adoption.ts';

/** A query or header parameter, ready for the document. */
export interface ParameterPart {
  readonly name: string;
  readonly required: boolean;
  readonly description: string | null;
  readonly schema: JsonSchema;
}

/** What one endpoint says about itself, checked and adopted; the document is put together from these. */
export interface Fragment {
  readonly summary: string | null;
  readonly description: string | null;
  readonly tags: readonly string[];
  readonly status: number;
  /** Schemas of path parameters by name. */
  readonly params: ReadonlyMap<string, ParameterPart>;
  readonly query: readonly ParameterPart[];
  readonly headers: readonly ParameterPart[];
  readonly body: { readonly contentType: string; readonly schema: JsonSchema } | null;
  readonly response: { readonly contentType: string; readonly schema: JsonSchema } | null;
  readonly components: ReadonlyMap<string, JsonSchema>;
}

const json = 'application/json';
const mediaType = /^[A-Za-z0-9!#$&^_.+-]{1,80}\/[A-Za-z0-9!#$&^_.+*-]{1,80}(?:; ?[A-Za-z0-9_-]+=[^\s;]+)*$/;
const longestDescription = 4_000;
/** OpenAPI 3.1, "Parameter Object": header parameters of these names are ignored. */
const notHeaders = new Set(['accept', 'content-type', 'authorization']);

/** Reads the answer of a schema subject. Throws {@link SchemaError} with the reason when it cannot be used. */
export function readFragment(route: CompiledRoute, answer: unknown): Fragment {
  if (!isObjectSchema(answer)) throw new SchemaError('the answer is not a JSON object');
  const adoption = new Adoption(route.id);
  const part = (name: string): JsonSchema | null =>
    answer[name] === undefined || answer[name] === null ? null : checkSchema(answer[name]);
  const content = (name: string): Fragment['body'] => {
    const schema = part(name);
    if (schema === null) return null;
    const type = answer[`${name}ContentType`] ?? json;
    if (typeof type !== 'string' || !mediaType.test(type))
      throw new SchemaError(`${name}ContentType is not a media type`);
    return { contentType: type, schema: adoption.component(schema, name) };
  };
  const { status, tags } = answer;
  if (status !== undefined && !(Number.isInteger(status) && Number(status) >= 200 && Number(status) <= 599))
    throw new SchemaError('status is not an HTTP status');
  return {
    summary: text(answer['summary'], 200),
    description: text(answer['description'], longestDescription),
    tags: Array.isArray(tags) ? [...new Set(tags.flatMap((tag) => text(tag, 60) ?? []))].slice(0, 10) : [],
    status: status === undefined ? 200 : Number(status),
    params: new Map(parameters(adoption, part('params'), 'params').map((each) => [each.name, each])),
    query: parameters(adoption, part('query'), 'query'),
    headers: parameters(adoption, part('headers'), 'headers').filter(
      ({ name }) => !notHeaders.has(name.toLowerCase()),
    ),
    body: content('body'),
    response: content('response'),
    components: adoption.components,
  };
}

/** The members that an object schema names as parameters; a schema of another form names none. */
function parameters(adoption: Adoption, schema: JsonSchema | null, name: string): ParameterPart[] {
  if (schema === null) return [];
  const source = adoption.source(schema, name);
  return [...fieldsOf(schema)]
    .filter(([property]) => property !== '')
    .map(([property, { schemas, required }]) => {
      const described = schemas.find((each) => isObjectSchema(each) && 'description' in each);
      return {
        name: property,
        required,
        description: isObjectSchema(described) ? text(described['description'], longestDescription) : null,
        schema: source.convert(schemas.length === 1 ? schemas[0] : { allOf: schemas }),
      };
    });
}

function text(value: unknown, longest: number): string | null {
  return typeof value === 'string' && value.trim() !== '' ? value.trim().slice(0, longest) : null;
}
