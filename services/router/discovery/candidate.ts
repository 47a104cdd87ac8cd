import { facts } from '@sluice/policy';
import type { CompiledRoute, RouteProblem } from '@sluice/routes';
import type { RoutePolicies } from '../compile/route-policies.ts';
import { readAnnouncement } from './announcement.ts';
import type { ServiceEndpoint, ServiceInstance } from './instance.ts';

/** What one endpoint of one instance asks for: a route, or the reason why it cannot be one. */
export type Candidate =
  | { readonly id: string; readonly version: string; readonly route: CompiledRoute }
  | { readonly id: string; readonly version: string; readonly problem: RouteProblem };

/**
 * The candidates of an instance. The id of a route is `<service>.<endpoint>`; where endpoints of different groups share
 * a name (ADR-32 allows it), all but the one with the lowest subject are told apart by their subjects.
 */
export function candidatesOf(instance: ServiceInstance, policies: RoutePolicies): Candidate[] {
  const taken = new Set<string>();
  return instance.endpoints
    .toSorted((a, b) => compareText(a.name, b.name) || compareText(a.subject, b.subject))
    .map((endpoint) => {
      const plain = `${instance.name}.${endpoint.name}`;
      const id = taken.has(plain) ? `${instance.name}.${keySafe(endpoint.subject)}` : plain;
      taken.add(plain);
      return candidateOf(instance, endpoint, id, policies);
    });
}

function candidateOf(
  { name, version }: ServiceInstance,
  endpoint: ServiceEndpoint,
  id: string,
  policies: RoutePolicies,
): Candidate {
  try {
    return { id, version, route: policies.announced(id, { name, version }, readAnnouncement(endpoint)) };
  } catch (error) {
    if (!(error instanceof facts.FactError)) throw error;
    const source = sourceOf({ name, version }, endpoint.name);
    return { id, version, problem: { id, origin: 'discovered', source, detail: error.message } };
  }
}

/** How problems and the log name where a route came from. */
export function sourceOf(service: { name: string; version: string }, endpoint: string): string {
  return `service ${service.name} ${service.version}, endpoint ${endpoint}`;
}

/** Subjects may hold characters that KV keys may not. */
function keySafe(subject: string): string {
  return subject.replace(/[^A-Za-z0-9_.-]/g, '_');
}

export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
