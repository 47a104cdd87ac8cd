import { formatTemplate, isReserved, parseTemplate, type Segment } from '@sluice/routes';
import type { Endpoint } from './endpoint.ts';

const method = /^[A-Z]{1,20}$/;
const duration = /^([1-9]\d{0,6})(ms|s|m)$/;
const longestTimeoutMs = 300_000;
const authMethod = /^[a-z][a-z0-9_-]{0,31}$/;

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
  const { auth, timeout, bodyLimit } = endpoint;
  if (timeout !== undefined && !isTimeout(timeout))
    throw wrong(`timeout "${timeout}" is not like 500ms, 2s or 1m, at most 5m`);
  if (bodyLimit !== undefined && (!Number.isSafeInteger(bodyLimit) || bodyLimit < 0))
    throw wrong(`bodyLimit ${bodyLimit} is not a number of bytes`);
  if (
    auth !== undefined &&
    auth !== 'public' &&
    (auth.length === 0 || !auth.every((each) => authMethod.test(each)))
  )
    throw wrong('auth is neither "public" nor a list of methods');
  return {
    'sluice.route': checkRoute(endpoint.route, endpoint.params && Object.keys(endpoint.params.shape), wrong),
    'sluice.encoding': 'msgpack',
    'sluice.schema': schemaSubject,
    'sluice.summary': endpoint.summary,
    ...(auth === undefined ? {} : { 'sluice.auth': auth === 'public' ? auth : auth.join(',') }),
    ...(timeout === undefined ? {} : { 'sluice.timeout': timeout }),
    ...(bodyLimit === undefined ? {} : { 'sluice.body_limit': String(bodyLimit) }),
  };
}

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

function isTimeout(text: string): boolean {
  const match = duration.exec(text);
  if (!match) return false;
  const unit = { ms: 1, s: 1_000, m: 60_000 }[match[2] as 'ms' | 's' | 'm'];
  return Number(match[1]) * unit <= longestTimeoutMs;
}
