import type { Fragment, ParameterPart } from './fragment.ts';
import type { PlacedRoute } from './paths.ts';
import { securityOf } from './security.ts';

type Json = Record<string, unknown>;

const problem = { $ref: '#/components/responses/Problem' };
const withBody = new Set(['post', 'put', 'patch']);
const withoutContent = new Set([204, 205, 304]);

/** Name of the group an operation is shown in. */
export function tagsOf({ route }: PlacedRoute, fragment: Fragment | null): readonly string[] {
  if (fragment && fragment.tags.length > 0) return fragment.tags;
  return [route.service?.name ?? (route.id === 'openapi' ? 'gateway' : 'declared')];
}

/** The OpenAPI 3.1 Operation Object of a route. `fragment` is null where the backend has no schemas. */
export function operation(
  placed: PlacedRoute,
  method: string,
  operationId: string,
  fragment: Fragment | null,
): Json {
  const { route } = placed;
  const parameters = [
    ...placed.params.map((each) => pathParameter(each, fragment?.params.get(each.own))),
    ...(fragment?.query ?? []).map((each) => parameter('query', each)),
    ...(fragment?.headers ?? []).map((each) => parameter('header', each)),
  ];
  const body = requestBody(method, fragment);
  return {
    operationId,
    summary: fragment?.summary ?? route.summary ?? `${method.toUpperCase()} ${route.path}`,
    ...(fragment?.description ? { description: fragment.description } : {}),
    tags: tagsOf(placed, fragment),
    security: securityOf(route),
    ...(route.roles.length > 0 ? { 'x-sluice-roles': route.roles } : {}),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(body ? { requestBody: body } : {}),
    responses: { ...success(fragment), '4XX': problem, '5XX': problem },
  };
}

function pathParameter(place: PlacedRoute['params'][number], part: ParameterPart | undefined): Json {
  const description =
    part?.description ?? (place.rest ? 'The rest of the path; it may hold slashes.' : undefined);
  return {
    name: place.name,
    in: 'path',
    required: true,
    ...(description === undefined ? {} : { description }),
    schema: part?.schema ?? { type: 'string' },
  };
}

function parameter(where: 'query' | 'header', part: ParameterPart): Json {
  return {
    name: part.name,
    in: where,
    required: part.required,
    ...(part.description === null ? {} : { description: part.description }),
    schema: part.schema,
  };
}

/** Without a schema the body of a method that usually has one may be anything. */
function requestBody(method: string, fragment: Fragment | null): Json | null {
  if (fragment?.body)
    return { required: true, content: { [fragment.body.contentType]: { schema: fragment.body.schema } } };
  if (fragment || !withBody.has(method)) return null;
  return { required: false, content: { '*/*': { schema: {} } } };
}

function success(fragment: Fragment | null): Json {
  const status = fragment?.status ?? 200;
  const description = status >= 300 ? 'The answer of the backend' : 'Success';
  if (!fragment?.response || withoutContent.has(status)) return { [status]: { description } };
  const { contentType, schema } = fragment.response;
  return { [status]: { description, content: { [contentType]: { schema } } } };
}
