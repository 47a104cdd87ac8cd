import { jsonPointer, SluiceError, type FieldError } from '@sluice/errors';
import { headerValue, headerValues, type WireRequest } from '@sluice/wire';
import type { z } from 'zod';
import { refuseCodedBody } from './content-coding.ts';
import type { Endpoint } from './endpoint.ts';
import { isInexact, parseExactJson } from './exact-json.ts';
import { parseQuery } from './query.ts';
import { keepFirst, onceOnly, queryFields } from './query-fields.ts';
import { jsonSchema } from './schema-document.ts';

export interface Input {
  readonly params: unknown;
  readonly query: unknown;
  readonly headers: unknown;
  readonly body: unknown;
}

type ReadPart = (request: WireRequest, errors: FieldError[]) => unknown;

/** A body of half a million wrong items must not become an answer larger than a NATS message. */
const mostErrors = 100;
const jsonType = /^application\/(?:[\w.!#$&^-]+\+)?json$/i;
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Compiles the checks of an endpoint's path parameters, query, headers and body. The reader throws SluiceError
 * `invalid_parameters` with every fault of all four parts, and `unsupported_media_type`.
 */
export function compileInput(endpoint: Endpoint): (request: WireRequest) => Input {
  const params = paramsPart(endpoint.params);
  const query = queryPart(endpoint.query);
  const headers = headersPart(endpoint.headers);
  const body = bodyPart(endpoint);
  return (request) => {
    const errors: FieldError[] = [];
    const input = {
      params: params(request, errors),
      query: query(request, errors),
      headers: headers(request, errors),
      body: body(request, errors),
    };
    if (errors.length > 0) throw invalid(errors);
    return input;
  };
}

function paramsPart(schema: z.ZodObject | undefined): ReadPart {
  if (schema === undefined) return (request) => request.params;
  return (request, errors) => check(schema, request.params, 'path', errors);
}

function queryPart(schema: z.ZodObject | undefined): ReadPart {
  const fields = queryFields(jsonSchema(schema, 'input'));
  return (request, errors) => {
    try {
      const values = parseQuery(request.query, fields.lists);
      if (schema === undefined) return values;
      for (const name of keepFirst(values, fields))
        errors.push({ in: 'query', pointer: jsonPointer([name]), detail: onceOnly });
      return check(schema, values, 'query', errors);
    } catch (error) {
      if (!(error instanceof URIError)) throw error;
      errors.push({ in: 'query', pointer: jsonPointer([error.message]), detail: 'has a bad percent escape' });
      return undefined;
    }
  };
}

/** RFC 9110 section 5.3: fields of one name are one list, joined by commas. */
function headersPart(schema: z.ZodObject | undefined): ReadPart {
  if (schema === undefined) return (request) => request.headers;
  const names = Object.keys(schema.shape);
  return (request, errors) => {
    const values: Record<string, string> = {};
    for (const name of names) {
      const found = headerValues(request.headers, name);
      if (found.length > 0) values[name] = found.join(', ');
    }
    return check(schema, values, 'header', errors);
  };
}

function bodyPart(endpoint: Endpoint): ReadPart {
  const { body: schema, bodyContentType = 'application/json', exactNumbers = false } = endpoint;
  const parse: (text: string) => unknown = exactNumbers ? parseExactJson : JSON.parse;
  if (schema === undefined || !jsonType.test(bodyContentType)) return (request) => request.body;
  return (request, errors) => {
    if (request.body.length === 0) return check(schema, undefined, 'body', errors);
    const type = headerValue(request.headers, 'content-type')?.split(';', 1)[0]?.trim();
    if (type !== undefined && !jsonType.test(type))
      throw new SluiceError('unsupported_media_type', 'The endpoint reads bodies of type application/json.');
    refuseCodedBody(request.headers);
    let value: unknown;
    try {
      value = parse(utf8.decode(request.body));
    } catch {
      errors.push({ in: 'body', pointer: '', detail: 'is not valid JSON in UTF-8' });
      return undefined;
    }
    return check(schema, value, 'body', errors);
  };
}

function check(schema: z.ZodType, value: unknown, part: FieldError['in'], errors: FieldError[]): unknown {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  for (const issue of parsed.error.issues) {
    if (issue.code === 'unrecognized_keys')
      for (const key of issue.keys)
        errors.push({ in: part, pointer: jsonPointer([...issue.path, key]), detail: 'is not known here' });
    else errors.push({ in: part, pointer: jsonPointer(issue.path), detail: detailOf(issue, value) });
  }
  return undefined;
}

function detailOf(issue: z.core.$ZodIssue, input: unknown): string {
  if (issue.code !== 'invalid_type') return issue.message;
  const found = at(input, issue.path);
  if (found === undefined) return 'is required';
  return isInexact(found) ? 'has more digits than a JSON number keeps' : issue.message;
}

function at(value: unknown, path: readonly PropertyKey[]): unknown {
  let found = value;
  for (const key of path) {
    if (typeof found !== 'object' || found === null) return undefined;
    found = (found as Record<PropertyKey, unknown>)[key];
  }
  return found;
}

function invalid(errors: FieldError[]): SluiceError {
  const more = errors.length - mostErrors;
  const detail =
    more > 0
      ? `The request is not what the endpoint expects; ${more} more errors are not listed.`
      : 'The request is not what the endpoint expects.';
  return new SluiceError('invalid_parameters', detail, { errors: errors.slice(0, mostErrors) });
}
