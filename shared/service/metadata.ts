import { facts } from '@sluice/policy';
import { formatTemplate, isReserved, parseTemplate, type Segment } from '@sluice/routes';
import type { Endpoint } from './endpoint.ts';

const method = /^[A-Z]{1,20}$/;

/**
 * The `sluice.*` metadata that makes an endpoint a route (`docs/wire.md`, table of metadata). Throws TypeError for what the router
 * would refuse, so that a mistake shows when the service starts and not as a missing route.
 */
export function routeMetadata(
  name: string,
  endpoint: Endpoint,
  schemaSubject: string,
): Record<string, string> {
  if (endpoint.route === undefined) return {};
  const wrong = (what: string): TypeError => new TypeError(`endpoint "${name}": ${what}`);
  const route = checkRoute(endpoint.route, endpoint.params && Object.keys(endpoint.params.shape), wrong);
  try {
    return {
      'sluice.route': route,
      'sluice.encoding': 'msgpack',
      'sluice.schema': schemaSubject,
      'sluice.summary': endpoint.summary,
      ...policyMetadata(endpoint),
    };
  } catch (error) {
    if (error instanceof facts.FactError) throw wrong(error.message);
    throw error;
  }
}

/** What the endpoint says about who may call it, and how. Throws FactError. */
function policyMetadata(endpoint: Endpoint): Record<string, string> {
  const {
    auth,
    timeout,
    bodyLimit,
    roles = [],
    scopes = [],
    limits = [],
    cost,
    cors,
    contentTypes,
  } = endpoint;
  if (timeout !== undefined) facts.timeout(timeout);
  if (auth === 'public' && roles.length + scopes.length > 0)
    throw new facts.FactError('auth is public, yet roles or scopes are asked for');
  return {
    ...(auth !== undefined && { 'sluice.auth': list(facts.auth(auth === 'public' ? [auth] : auth)) }),
    ...(roles.length > 0 && { 'sluice.roles': list(facts.names(roles)) }),
    ...(scopes.length > 0 && { 'sluice.scopes': list(facts.scopes(scopes)) }),
    ...(limits.length > 0 && { 'sluice.rate': list(facts.names(limits)) }),
    ...(cost !== undefined && { 'sluice.cost': String(facts.cost(String(cost))) }),
    ...(cors !== undefined && { 'sluice.cors': list(facts.names([cors])) }),
    ...(contentTypes && { 'sluice.content_types': list(facts.mediaTypes(contentTypes)) }),
    ...(timeout !== undefined && { 'sluice.timeout': timeout }),
    ...(bodyLimit !== undefined && { 'sluice.body_limit': String(facts.bodyLimit(bodyLimit)) }),
  };
}

const list = (values: string | readonly string[]): string =>
  typeof values === 'string' ? values : values.join(',');

/** `params` are the names the schema reads: one that the path does not hold could never be there. */
function checkRoute(
  route: string,
  params: readonly string[] | undefined,
  wrong: (what: string) => TypeError,
): string {
  const [verb = '', path = '', ...rest] = route.split(' ');
  if (!method.test(verb) || path === '' || rest.length > 0)
    throw wrong(`route "${route}" is not like "GET /v1/orders/{id}"`);
  let segments: Segment[];
  try {
    segments = parseTemplate(path);
    if (isReserved(path)) throw new TypeError(`${path} is answered by the gateway itself`);
  } catch (cause) {
    throw wrong(cause instanceof Error ? cause.message : String(cause));
  }
  const names = segments.flatMap((segment) => (segment.kind === 'literal' ? [] : [segment.name]));
  for (const param of params ?? [])
    if (!names.includes(param)) throw wrong(`path ${path} has no parameter "${param}"`);
  return `${verb} ${formatTemplate(segments)}`;
}
