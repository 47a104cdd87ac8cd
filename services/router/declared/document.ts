import { parseTemplate, templateShape, type CompiledRoute, type RouteAuth } from '@sluice/routes';
import { z } from '@sluice/config';
import { facts } from '@sluice/policy';

/** What people write about one route, checked; the compiler fills in the rest. */
export interface DeclaredRoute {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly subject: string;
  readonly encoding: CompiledRoute['encoding'];
  readonly auth: RouteAuth;
  readonly timeoutMs: number | null;
  readonly bodyLimit: number | null;
  readonly headers: readonly string[];
  readonly summary: string | null;
}

/** A fault of the document: where it is (`['routes', 3, 'path']`) and what is wrong. */
export interface DocumentFault {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

export type DocumentResult =
  | { readonly ok: true; readonly routes: DeclaredRoute[] }
  | { readonly ok: false; readonly faults: DocumentFault[] };

/** Wraps a fact's grammar as a zod transform, so that its sentence becomes the issue's. */
function fact<In, Out>(input: z.ZodType<In>, check: (value: In) => Out) {
  return input.transform((value, context) => {
    try {
      return check(value);
    } catch (error) {
      if (!(error instanceof facts.FactError)) throw error;
      context.addIssue({ code: 'custom', message: error.message });
      return z.NEVER;
    }
  });
}

const idPattern = /^[A-Za-z0-9_-]{1,64}(?:\.[A-Za-z0-9_-]{1,64}){0,7}$/;

const routeSchema = z.strictObject({
  id: z.string().regex(idPattern, 'an id is made of letters, digits, "_", "-" and single dots'),
  method: fact(z.string(), facts.method).default('GET'),
  path: fact(z.string(), facts.path),
  subject: fact(z.string(), facts.subject),
  encoding: fact(z.string(), facts.encoding).default('raw'),
  auth: z
    .union([
      z.literal('public'),
      fact(z.array(z.string()), (names) => {
        const auth = facts.auth(names);
        if (auth === 'public') throw new facts.FactError('write "public" alone, not in a list');
        return auth;
      }),
    ])
    .default('public'),
  timeout: fact(z.string(), facts.timeout).optional(),
  body_limit: fact(z.number(), facts.bodyLimit).optional(),
  headers: fact(z.array(z.string()), facts.headerNames).default([]),
  summary: fact(z.string(), facts.summary).optional(),
});

const documentSchema = z.strictObject({ routes: z.array(routeSchema).max(10_000) });

/**
 * Checks a whole document of declared routes, from the YAML file or from KV `config`. It is taken whole or not at all:
 * one bad route refuses it, and every fault is listed.
 */
export function checkDocument(value: unknown): DocumentResult {
  const parsed = documentSchema.safeParse(value);
  if (!parsed.success) {
    const faults = parsed.error.issues.flatMap(toFaults);
    return { ok: false, faults };
  }
  const faults = collisions(parsed.data.routes);
  if (faults.length > 0) return { ok: false, faults };
  const routes = parsed.data.routes.map(
    ({ timeout, body_limit: bodyLimit, summary, ...route }): DeclaredRoute => ({
      ...route,
      timeoutMs: timeout ?? null,
      bodyLimit: bodyLimit ?? null,
      summary: summary ?? null,
    }),
  );
  return { ok: true, routes };
}

function toFaults(issue: z.core.$ZodIssue): DocumentFault[] {
  const path = issue.path.filter((part) => typeof part !== 'symbol');
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({ path: [...path, key], message: `"${key}" is not known here` }));
  if (issue.code === 'invalid_union') {
    // Of `public` or a list, the list's own complaint says more than "invalid input".
    const deeper = issue.errors.flat().find((inner) => inner.code === 'custom' || inner.path.length > 0);
    return [{ path, message: deeper?.message ?? 'must be "public" or a list of methods' }];
  }
  return [{ path, message: issue.message }];
}

/** Two routes of one document may neither share an id nor answer the same requests. */
function collisions(routes: readonly { id: string; method: string; path: string }[]): DocumentFault[] {
  const faults: DocumentFault[] = [];
  const ids = new Map<string, number>();
  const places = new Map<string, number>();
  for (const [index, route] of routes.entries()) {
    const sameId = ids.get(route.id);
    if (sameId !== undefined)
      faults.push({
        path: ['routes', index, 'id'],
        message: `id "${route.id}" is taken by routes[${sameId}]`,
      });
    else ids.set(route.id, index);
    const place = `${route.method} ${templateShape(parseTemplate(route.path))}`;
    const samePlace = places.get(place);
    if (samePlace !== undefined)
      faults.push({
        path: ['routes', index, 'path'],
        message: `${route.method} ${route.path} is already answered by routes[${samePlace}]`,
      });
    else places.set(place, index);
  }
  return faults;
}
