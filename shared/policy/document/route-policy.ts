import { z } from '@sluice/config';
import * as facts from '../facts.ts';
import { fact, name, scope } from './parts.ts';

/** `public`, or at least one method. */
export const auth = z
  .union([z.literal('public'), z.array(z.enum(facts.authMethods)).min(1).max(facts.authMethods.length)])
  .meta({
    description:
      'Who may call: `public`, or the credentials that are taken, tried in this order. Nothing said means nobody.',
  });

/** Members of `addresses.lists`, addresses, CIDR blocks, or `country:XX` (ISO 3166-1 alpha-2). */
export const addressRules = z.strictObject({
  allow: z.array(z.string().min(1).max(128)).max(1_000).optional().meta({
    description:
      'Where it is there, only these may call: names of lists, addresses, CIDR blocks, `country:XX`.',
  }),
  deny: z
    .array(z.string().min(1).max(128))
    .max(1_000)
    .default([])
    .meta({ description: 'These may not, whatever `allow` says.' }),
});

/** What can be said about any route, declared or announced; `overrides` says the same about announced ones. */
export const routePolicy = {
  auth: auth.optional(),
  roles: z.array(name).max(64).optional().meta({ description: 'The caller needs one of these roles.' }),
  scopes: z.array(scope).max(64).optional().meta({ description: 'The caller needs all of these scopes.' }),
  limits: z.array(name).max(8).optional().meta({
    description: 'Names of `limits` that a call spends, besides those of `defaults` and of the consumer.',
  }),
  cost: z
    .int()
    .min(1)
    .max(facts.largestCost)
    .optional()
    .meta({ description: 'Tokens that one call spends of each limit and quota; default 1.' }),
  cors: name.optional().meta({ description: 'Name of the `cors` policy; default: the one of `defaults`.' }),
  addresses: addressRules
    .optional()
    .meta({ description: 'Who may call by address, besides the rules for all routes.' }),
  timeout: fact(z.string().meta({ pattern: '^\\s*\\d{1,9}(?:\\.\\d{1,3})?(?:ms|s|m)\\s*$' }), facts.timeout)
    .optional()
    .meta({ description: 'Time from edge to answer, like `500ms` or `2s`.' }),
  body_limit: fact(z.number().meta({ type: 'integer', minimum: 0 }), facts.bodyLimit)
    .optional()
    .meta({ description: 'Largest request body in bytes.' }),
  content_types: z
    .array(z.string().regex(facts.mediaTypePattern, 'a media type in lower case, like application/json'))
    .max(32)
    .optional()
    .meta({ description: 'Media types that a body may have; others get 415. Default: any.' }),
} as const;

const jsonSchema = z.union([z.record(z.string(), z.unknown()), z.boolean()]);

/** JSON Schemas (2020-12) of a declared route; announced routes answer theirs on `sluice.schema`. */
export const routeSchemas = z
  .strictObject({
    params: jsonSchema.optional().meta({ description: 'Of the path parameters, an object.' }),
    query: jsonSchema.optional().meta({ description: 'Of the query parameters, an object.' }),
    headers: jsonSchema
      .optional()
      .meta({ description: 'Of the header fields, an object with names in lower case.' }),
    body: jsonSchema.optional().meta({ description: 'Of the JSON body.' }),
    response: jsonSchema
      .optional()
      .meta({ description: 'Of a good answer, for the API reference; answers are not checked.' }),
  })
  .meta({
    description:
      'JSON Schemas of what the route takes; what does not fit is refused with 400 before the backend is called.',
  });

const idPattern = /^[A-Za-z0-9_-]{1,64}(?:\.[A-Za-z0-9_-]{1,64}){0,7}$/;

/** One declared route. */
export const declaredRoute = z.strictObject({
  id: z
    .string()
    .regex(idPattern, 'an id is made of letters, digits, "_", "-" and single dots')
    .meta({ description: 'Unique.' }),
  method: fact(z.string(), facts.method).prefault('GET').meta({
    description:
      'A method, or `*` for every method that has no route of its own on this path; GET answers HEAD too.',
  }),
  path: fact(z.string().meta({ pattern: '^/' }), facts.path).meta({
    description: '`/v1/orders/{id}`: `{name}` is one segment, `{name...}` at the end is one or more.',
  }),
  subject: fact(z.string(), facts.subject).meta({ description: 'NATS subject that answers.' }),
  encoding: fact(z.string().meta({ enum: ['raw', 'msgpack'] }), facts.encoding)
    .prefault('raw')
    .meta({ description: 'How requests travel to the backend.' }),
  headers: fact(z.array(z.string()).max(64), facts.headerNames)
    .default([])
    .meta({ description: 'Request header fields that a raw backend is given.' }),
  summary: fact(z.string(), facts.summary)
    .optional()
    .meta({ description: 'One line for lists and the API reference.' }),
  schema: routeSchemas.optional(),
  ...routePolicy,
});

export type DeclaredRoute = z.output<typeof declaredRoute>;
