import { builtinRoutes, isReserved, placeOf, type CompiledRoute, type RouteProblem } from '@sluice/routes';
import { facts } from '@sluice/policy';
import { announcementOf } from '../discovery/announcement.ts';
import { candidatesOf, compareText, sourceOf, type Candidate } from '../discovery/candidate.ts';
import type { ServiceInstance } from '../discovery/instance.ts';
import type { Discovery } from '../discovery/poller.ts';
import { compareVersions } from '../discovery/semver.ts';
import type { RoutePolicies } from './route-policies.ts';
import { jsonText } from './text.ts';

export interface CompileInput {
  /** What people wrote. */
  readonly policies: RoutePolicies;
  readonly discovery: Discovery;
  /** The table as it is: incumbents keep their places against newcomers. */
  readonly present: ReadonlyMap<string, CompiledRoute>;
}

export interface CompileOutput {
  readonly routes: ReadonlyMap<string, CompiledRoute>;
  readonly problems: ReadonlyMap<string, RouteProblem>;
}

/**
 * Makes the table out of everything known. A pure function: the same input gives the same output in the same order,
 * whatever order instances came in. One bad route is a problem and stops nothing else.
 *
 * Who gets a place (method and path shape): the gateway's own routes, then declared, then discovered ones; among
 * discovered routes the one already in the table, and among newcomers the lowest id.
 */
export function compileTable(input: CompileInput): CompileOutput {
  const routes = new Map<string, CompiledRoute>();
  const problems = new Map<string, RouteProblem>();
  const places = new Map<string, CompiledRoute>();

  const place = (route: CompiledRoute, source: string): void => {
    const refused = refusal(route, routes, places);
    if (refused !== null) {
      problems.set(route.id, { id: route.id, origin: route.origin, source, detail: refused });
      return;
    }
    routes.set(route.id, route);
    places.set(placeOf(route), route);
  };

  for (const route of builtinRoutes) place(route, 'gateway');
  for (const route of input.policies.declared) place(route, 'gateway document');

  const { winners, broken } = discoveredRoutes(input);
  for (const problem of broken) problems.set(problem.id, problem);
  const incumbent = (route: CompiledRoute): boolean => {
    const present = input.present.get(route.id);
    return present?.origin === 'discovered' && placeOf(present) === placeOf(route);
  };
  const sorted = winners.toSorted((a, b) => compareText(a.id, b.id));
  for (const route of sorted) if (incumbent(route)) place(route, describe(route));
  for (const route of sorted) if (!incumbent(route)) place(route, describe(route));
  return { routes: sortById(routes), problems: sortById(problems) };
}

/** Why this route cannot have the place it asks for, or null when it can. */
function refusal(
  route: CompiledRoute,
  routes: ReadonlyMap<string, CompiledRoute>,
  places: ReadonlyMap<string, CompiledRoute>,
): string | null {
  // Edges look for their own paths first, whatever the method.
  if (!builtinRoutes.includes(route) && isReserved(route.path))
    return `${route.method} ${route.path} is answered by the gateway itself`;
  const namesake = routes.get(route.id);
  if (namesake)
    return `id ${route.id} belongs to the ${namesake.origin} route ${namesake.method} ${namesake.path}`;
  const holder = places.get(placeOf(route));
  if (holder) return `${route.method} ${route.path} is answered by ${holder.origin} route ${holder.id}`;
  return null;
}

/**
 * One route per id. Of several versions of an endpoint the highest that is sound speaks for all of them; a version that
 * is not sound is a problem only where no sound one is left. Routes of services that could not be asked yet stay.
 */
function discoveredRoutes(input: CompileInput): { winners: CompiledRoute[]; broken: RouteProblem[] } {
  const best = new Map<string, Candidate>();
  for (const instance of input.discovery.instances)
    for (const candidate of cachedCandidates(instance, input.policies)) {
      const other = best.get(candidate.id);
      if (!other || beats(candidate, other, input.present)) best.set(candidate.id, candidate);
    }
  for (const route of input.present.values()) {
    if (route.origin !== 'discovered' || best.has(route.id) || !route.service) continue;
    if (input.discovery.settled && !input.discovery.unknown.has(route.service.name)) continue;
    best.set(route.id, retainedCandidate(route, route.service, input.policies));
  }
  const winners: CompiledRoute[] = [];
  const broken: RouteProblem[] = [];
  for (const candidate of best.values())
    if ('route' in candidate) winners.push(candidate.route);
    else broken.push(candidate.problem);
  return { winners, broken };
}

/**
 * A total order, so that the winner does not depend on who came first: sound, then version. Instances of one version
 * that disagree leave the table as it is; where it has neither, the text decides.
 */
function beats(a: Candidate, b: Candidate, present: CompileInput['present']): boolean {
  const sound = 'route' in a;
  if (sound !== 'route' in b) return sound;
  const version = compareVersions(a.version, b.version);
  if (version !== 0) return version > 0;
  const left = contentOf(a);
  const right = contentOf(b);
  if (left === right) return false;
  const incumbent = present.get(a.id);
  const stored = incumbent ? jsonText(incumbent) : null;
  if (left === stored || right === stored) return left === stored;
  return left < right;
}

function contentOf(candidate: Candidate): string {
  return jsonText('route' in candidate ? candidate.route : candidate.problem);
}

/** An instance never changes what it announced, so it is read once per document; the same text is then made once too. */
const candidateCache = new WeakMap<ServiceInstance, { policies: RoutePolicies; candidates: Candidate[] }>();

function cachedCandidates(instance: ServiceInstance, policies: RoutePolicies): Candidate[] {
  const cached = candidateCache.get(instance);
  if (cached?.policies === policies) return cached.candidates;
  const candidates = candidatesOf(instance, policies);
  candidateCache.set(instance, { policies, candidates });
  return candidates;
}

/** A route of the table whose service has not told about itself yet: what it announced stays, what the document says now holds. */
function retainedCandidate(
  route: CompiledRoute,
  service: NonNullable<CompiledRoute['service']>,
  policies: RoutePolicies,
): Candidate {
  const { id } = route;
  const { version } = service;
  try {
    return { id, version, route: policies.announced(id, service, announcementOf(route)) };
  } catch (error) {
    if (!(error instanceof facts.FactError)) throw error;
    const problem: RouteProblem = {
      id,
      origin: 'discovered',
      source: describe(route),
      detail: error.message,
    };
    return { id, version, problem };
  }
}

function describe(route: CompiledRoute): string {
  const service = route.service ?? { name: '?', version: '?' };
  return sourceOf(service, route.id.slice(service.name.length + 1));
}

function sortById<T>(map: ReadonlyMap<string, T>): Map<string, T> {
  return new Map([...map].toSorted(([a], [b]) => compareText(a, b)));
}
