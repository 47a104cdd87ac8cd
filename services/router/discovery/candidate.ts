import { plainRoute, type CompiledRoute, type RouteProblem } from '@sluice/routes';
import { facts } from '@sluice/policy';
import type { ServiceEndpoint, ServiceInstance } from './instance.ts';

/** What one endpoint of one instance asks for: a route, or the reason why it cannot be one. */
export type Candidate =
  | { readonly id: string; readonly version: string; readonly route: CompiledRoute }
  | { readonly id: string; readonly version: string; readonly problem: RouteProblem };

/**
 * The candidates of an instance. The id of a route is `<service>.<endpoint>`; where endpoints of different groups share
 * a name (ADR-32 allows it), all but the one with the lowest subject are told apart by their subjects.
 */
export function candidatesOf(instance: ServiceInstance, defaultTimeoutMs: number): Candidate[] {
  const taken = new Set<string>();
  return instance.endpoints
    .toSorted((a, b) => compareText(a.name, b.name) || compareText(a.subject, b.subject))
    .map((endpoint) => {
      const plain = `${instance.name}.${endpoint.name}`;
      const id = taken.has(plain) ? `${instance.name}.${keySafe(endpoint.subject)}` : plain;
      taken.add(plain);
      return candidateOf(instance, endpoint, id, defaultTimeoutMs);
    });
}

function candidateOf(
  instance: ServiceInstance,
  endpoint: ServiceEndpoint,
  id: string,
  defaultTimeoutMs: number,
): Candidate {
  const { version } = instance;
  try {
    return { id, version, route: compileEndpoint(instance, endpoint, id, defaultTimeoutMs) };
  } catch (error) {
    if (!(error instanceof facts.FactError)) throw error;
    const source = sourceOf(instance, endpoint.name);
    return { id, version, problem: { id, origin: 'discovered', source, detail: error.message } };
  }
}

/** How problems and the log name where a route came from. */
export function sourceOf(service: { name: string; version: string }, endpoint: string): string {
  return `service ${service.name} ${service.version}, endpoint ${endpoint}`;
}

/** Metadata of DESIGN.md to a route. Keys that are not known are ignored; a value that is malformed throws FactError. */
function compileEndpoint(
  instance: ServiceInstance,
  endpoint: ServiceEndpoint,
  id: string,
  defaultTimeoutMs: number,
): CompiledRoute {
  const { metadata } = endpoint;
  const value = (key: string): string | undefined => {
    const text = metadata[`sluice.${key}`]?.trim();
    return text === '' ? undefined : text;
  };
  const read = <T>(key: string, parse: (text: string) => T, absent: T): T => {
    const text = value(key);
    if (text === undefined) return absent;
    try {
      return parse(text);
    } catch (error) {
      if (error instanceof facts.FactError) throw new facts.FactError(`sluice.${key}: ${error.message}`);
      throw error;
    }
  };
  const list = (text: string): string[] => text.split(',').map((part) => part.trim());
  const where = read('route', facts.methodAndPath, null);
  if (!where) throw new facts.FactError('sluice.route is empty');
  const encoding = read('encoding', facts.encoding, 'raw');
  const schemaSubject = read<string | null>('schema', facts.subject, null);
  return {
    ...plainRoute,
    id,
    method: where.method,
    path: where.path,
    origin: 'discovered',
    service: { name: instance.name, version: instance.version },
    subject: facts.subject(endpoint.subject),
    encoding,
    auth: authOf(
      read<'public' | string[] | null>('auth', (text) => facts.auth(list(text)), null),
      value('scopes') !== undefined || value('roles') !== undefined,
    ),
    timeoutMs: read('timeout', facts.timeout, defaultTimeoutMs),
    bodyLimit: read<number | null>('body_limit', facts.bodyLimit, null),
    headers: read('headers', (text) => facts.headerNames(list(text).filter((name) => name !== '')), []),
    schemaSubject,
    validate:
      schemaSubject !== null &&
      read('validate', facts.validation, encoding === 'raw' ? 'gateway' : 'service') === 'gateway',
    summary: read<string | null>('summary', facts.summary, null),
  };
}

/** Scopes or roles without methods close the route: an empty list is met by no credential. */
function authOf(auth: 'public' | string[] | null, restricted: boolean): 'public' | string[] {
  if (auth === 'public' && restricted)
    throw new facts.FactError('sluice.auth is public, yet scopes or roles are asked for');
  return auth ?? (restricted ? [] : 'public');
}

/** Subjects may hold characters that KV keys may not. */
function keySafe(subject: string): string {
  return subject.replace(/[^A-Za-z0-9_.-]/g, '_');
}

export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
