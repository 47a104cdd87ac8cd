import { jsonPointer, SluiceError, unescapeToken, type FieldError } from '@sluice/errors';
import { checkSchema, compileCheck, type Check, type JsonSchema } from '@sluice/policy/schemas';
import type { RouteSchemas } from '@sluice/routes';
import {
  keepFirst,
  onceOnly,
  parseQuery,
  queryFields,
  refuseCodedBody,
  type QueryValues,
} from '@sluice/service';
import { headerValue, type RequestInput } from '@sluice/wire';
import { fieldErrors, invalid } from './field-errors.ts';
import { headerSchema, headerTexts } from './header-schema.ts';
import { parseJsonBody } from './json-body.ts';

export interface RequestCheck {
  /** Throws SluiceError `invalid_parameters` with every fault of path, query, headers and body, or `unsupported_media_type`. */
  readonly check: (request: RequestInput) => void;
  /** False where the header fields need not be decoded for it. */
  readonly readsHeaders: boolean;
}

export interface CheckOptions {
  readonly schemas: RouteSchemas;
  /** Media type of the body where it is not JSON: its schema is documentation then. */
  readonly bodyContentType: string | null;
  /** Media types that the route lists; null for none. A listed type that is not JSON has no schema to fit. */
  readonly contentTypes: readonly string[] | null;
}

type Part = (request: RequestInput, errors: FieldError[]) => void;

const jsonType = /^application\/(?:[\w.!#$&^-]+\+)?json$/i;

/** Above this, only the first fault of a body is listed: finding all of them costs memory for each. */
const largestListed = 16 * 1024;

/**
 * Compiles the checks of a route. Path parameters, query and headers are texts: they count as the number, boolean or
 * list that their schema asks for. Throws SchemaError for schemas that cannot be used.
 */
export function compileRequestCheck(options: CheckOptions): RequestCheck {
  const { schemas } = options;
  const headers = headersPart(read(schemas.headers));
  // A body is read by its `content-type`.
  const body = bodyPart(read(schemas.body), options);
  const parts = [paramsPart(read(schemas.params)), queryPart(read(schemas.query)), headers, body].filter(
    (part) => part !== null,
  );
  return {
    readsHeaders: headers !== null || body !== null,
    check(request) {
      const errors: FieldError[] = [];
      for (const part of parts) part(request, errors);
      if (errors.length > 0) throw invalid(errors);
    },
  };
}

function read(schema: unknown): JsonSchema | null {
  return schema === undefined || schema === null ? null : checkSchema(schema);
}

function paramsPart(schema: JsonSchema | null): Part | null {
  if (schema === null) return null;
  const check = compileCheck(schema, 'coerced');
  // Coercion writes into what it checks; the request stays as it was sent.
  return (request, errors) => runCoerced(check, () => ({ ...request.params }), 'path', errors);
}

function queryPart(schema: JsonSchema | null): Part | null {
  if (schema === null) return null;
  const check = compileCheck(schema, 'coerced');
  const fields = queryFields(schema);
  return (request, errors) => {
    let repeated: readonly string[] = [];
    const texts = (): QueryValues => {
      const values = parseQuery(request.query, fields.lists);
      repeated = keepFirst(values, fields);
      return values;
    };
    try {
      runCoerced(check, texts, 'query', errors);
      for (const name of repeated)
        errors.push({ in: 'query', pointer: jsonPointer([name]), detail: onceOnly });
    } catch (error) {
      if (!(error instanceof URIError)) throw error;
      errors.push({ in: 'query', pointer: `/${error.message}`, detail: 'has a bad percent escape' });
    }
  };
}

function headersPart(schema: JsonSchema | null): Part | null {
  // Whatever takes any field need not have them decoded.
  if (schema === null || schema === true) return null;
  const { schema: lowered, written } = headerSchema(schema);
  const check = compileCheck(lowered, 'coerced');
  return (request, errors) => {
    const faults: FieldError[] = [];
    runCoerced(check, () => headerTexts(request.headers), 'header', faults);
    for (const fault of faults) errors.push({ ...fault, pointer: asWritten(fault.pointer, written) });
  };
}

/** The field that a pointer begins with, as the schema writes its name. */
function asWritten(pointer: string, written: ReadonlyMap<string, string>): string {
  return pointer.replace(/^\/([^/]*)/, (whole, token: string) => {
    const name = written.get(unescapeToken(token));
    return name === undefined ? whole : jsonPointer([name]);
  });
}

function bodyPart(schema: JsonSchema | null, options: CheckOptions): Part | null {
  const { bodyContentType, contentTypes } = options;
  if (schema === null) return null;
  if (bodyContentType !== null && !jsonType.test(bodyContentType)) return null;
  const check = compileCheck(schema, 'exact');
  return (request, errors) => {
    if (request.body.length === 0) {
      errors.push({ in: 'body', pointer: '', detail: 'is required' });
      return;
    }
    const type = headerValue(request.headers, 'content-type')?.split(';', 1)[0]?.trim().toLowerCase();
    if (type !== undefined && !jsonType.test(type)) {
      // The edge has let only listed types through, where a route lists any.
      if (contentTypes !== null) return;
      throw new SluiceError('unsupported_media_type', 'The endpoint reads bodies of type application/json.');
    }
    refuseCodedBody(request.headers);
    const parsed = parseJsonBody(request.body);
    if ('error' in parsed) errors.push(parsed.error);
    else run(check, parsed.value, () => parsed.value, 'body', errors, request.body.length <= largestListed);
  };
}

/** `value` is checked, `again` makes the same value anew: a check that coerces writes into what it checks. */
function run(
  check: Check,
  value: unknown,
  again: () => unknown,
  part: FieldError['in'],
  errors: FieldError[],
  all = true,
): void {
  const { first } = check;
  if (first(value)) return;
  const faults = first.errors;
  const every = all ? check.every() : first;
  errors.push(...fieldErrors(part, all && !every(again()) ? every.errors : faults));
}

type Texts = Record<string, string | readonly string[]>;

/** A number as JSON writes it. JavaScript would read ` 7`, `0x10` and `Infinity` as numbers too, and backends something else. */
const plainNumber = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** What Ajv would take for a number and bodies do not: it looks at the range of those only that it has not made itself. */
function isOddNumber(text: string): boolean {
  if (text === '') return false;
  const number = Number(text);
  return !Number.isNaN(number) && (!Number.isFinite(number) || !plainNumber.test(text));
}

/** Almost always false, and asked of every request: no list is made for it. */
function hasOddNumber(texts: Texts): boolean {
  for (const name in texts) {
    const value = texts[name];
    if (typeof value === 'string' ? isOddNumber(value) : value?.some(isOddNumber)) return true;
  }
  return false;
}

/** Checks texts that count as what their schema asks for. `texts` makes them anew each time: coercion writes into them. */
function runCoerced(check: Check, texts: () => Texts, part: FieldError['in'], errors: FieldError[]): void {
  const sent = texts();
  if (!hasOddNumber(sent)) return run(check, sent, texts, part, errors);
  const odd = Object.keys(sent).filter((name) => [sent[name] ?? []].flat().some(isOddNumber));
  const before = errors.length;
  run(check, texts(), texts, part, errors);
  if (errors.length > before) return;
  const read: Record<string, unknown> = texts();
  check.first(read);
  for (const name of odd) {
    const is = [read[name]].flat();
    const taken = [sent[name] ?? []]
      .flat()
      .find((text, index) => isOddNumber(text) && typeof is[index] === 'number');
    if (taken === undefined) continue;
    const detail = plainNumber.test(taken) ? 'is too large a number' : 'must be a number as JSON writes it';
    errors.push({ in: part, pointer: jsonPointer([name]), detail });
  }
}
