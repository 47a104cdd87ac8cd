import { z } from 'zod';
import type { Endpoint } from './endpoint.ts';

/** What the schema subject answers; the router assembles `/openapi.json` from these. JSON Schema draft 2020-12. */
export interface SchemaDocument {
  readonly params: object | null;
  readonly query: object | null;
  readonly headers: object | null;
  readonly body: object | null;
  readonly response: object | null;
  readonly summary: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly status: number;
  readonly bodyContentType?: string;
  readonly responseContentType?: string;
}

export function schemaDocument(endpoint: Endpoint): SchemaDocument {
  return {
    params: jsonSchema(endpoint.params, 'input'),
    query: jsonSchema(endpoint.query, 'input'),
    headers: jsonSchema(endpoint.headers, 'input'),
    body: jsonSchema(endpoint.body, 'input'),
    response: jsonSchema(endpoint.response, 'output'),
    summary: endpoint.summary,
    description: endpoint.description ?? '',
    tags: endpoint.tags ?? [],
    status: endpoint.status ?? 200,
    ...(endpoint.bodyContentType === undefined ? {} : { bodyContentType: endpoint.bodyContentType }),
    ...(endpoint.responseContentType === undefined
      ? {}
      : { responseContentType: endpoint.responseContentType }),
  };
}

/** Requests are described as they are sent (`input`), answers as they arrive (`output`). */
export function jsonSchema(schema: z.ZodType | undefined, io: 'input' | 'output'): object | null {
  if (schema === undefined) return null;
  const { $schema: _dialect, ...document } = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    override: keepStated,
  });
  return document;
}

/**
 * Of an input with a transform zod drops `default` and `examples` of `.meta()`, because it takes them for values of the
 * other side, and the default of the text inside shows instead: `{"type": "integer", "default": "100"}`. Here `.meta()`
 * describes what is sent, so what it states stays.
 */
function keepStated(each: { zodSchema: z.core.$ZodType; jsonSchema: object }): void {
  const stated = z.globalRegistry.get(each.zodSchema);
  if (stated === undefined) return;
  for (const key of ['default', 'examples'])
    if (key in stated) Object.assign(each.jsonSchema, { [key]: stated[key] });
}
