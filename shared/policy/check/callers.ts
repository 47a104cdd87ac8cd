import type { GatewayDocument } from '../document/gateway.ts';
import { allRoles } from '../roles.ts';
import type { Role } from '../document/callers.ts';
import type { References } from './references.ts';

/** Roles in circles that are named one by one. */
const mostCircles = 20;

/** Roles, consumers, limits, quotas and the issuers' maps of roles. */
export function checkCallers(document: GatewayDocument, references: References): void {
  for (const [name, role] of Object.entries(document.roles))
    references.names('roles', role.includes, ['roles', name, 'includes']);
  checkRoleCircles(document, references);
  checkConsumers(document, references);
  checkLimits(document, references);
  for (const group of ['issuers', 'introspection', 'logins'] as const)
    for (const [name, { role_map: map }] of Object.entries(document[group]))
      for (const [theirs, ours] of Object.entries<string>(map ?? {}))
        references.name('roles', ours, [group, name, 'role_map', theirs]);
  checkIssuers(document, references);
}

function checkRoleCircles(document: GatewayDocument, references: References): void {
  const roles = allRoles(document.roles);
  let found = 0;
  for (const name of rolesInCircles(roles)) {
    const reached = new Set(roles.get(name)?.includes);
    for (const each of reached) for (const next of roles.get(each)?.includes ?? []) reached.add(next);
    if (!reached.has(name) || !Object.hasOwn(document.roles, name)) continue;
    references.fault(['roles', name, 'includes'], `role "${name}" includes itself in a circle`);
    // Each of them costs a walk through all roles, and a circle of many is one mistake.
    if (++found === mostCircles) return;
  }
}

/** Roles that may be part of a circle: those left when all that lead nowhere have been taken away, again and again. */
function rolesInCircles(roles: ReadonlyMap<string, Role>): Set<string> {
  const includedBy = new Map<string, string[]>();
  const left = new Map<string, number>();
  for (const [name, { includes }] of roles) {
    const known = includes.filter((each) => roles.has(each));
    left.set(name, known.length);
    for (const each of known) {
      const by = includedBy.get(each);
      if (by === undefined) includedBy.set(each, [name]);
      else by.push(name);
    }
  }
  const ends = [...left].filter(([, count]) => count === 0).map(([name]) => name);
  for (let name = ends.pop(); name !== undefined; name = ends.pop()) {
    left.delete(name);
    for (const by of includedBy.get(name) ?? []) {
      const count = (left.get(by) ?? 0) - 1;
      left.set(by, count);
      if (count === 0) ends.push(by);
    }
  }
  return new Set(left.keys());
}

function checkConsumers({ consumers }: GatewayDocument, references: References): void {
  const ids = new Map<string, number>();
  for (const [index, consumer] of consumers.entries()) {
    const path = ['consumers', index];
    references.names('roles', consumer.roles, [...path, 'roles']);
    references.names('limits', consumer.limits, [...path, 'limits']);
    references.names('quotas', consumer.quotas, [...path, 'quotas']);
    const same = ids.get(consumer.id);
    if (same === undefined) ids.set(consumer.id, index);
    else references.fault([...path, 'id'], `consumer "${consumer.id}" is already consumers[${same}]`);
  }
}

function checkLimits(document: GatewayDocument, references: References): void {
  for (const [name, limit] of Object.entries(document.limits)) {
    const path = ['limits', name];
    if (limit.burst !== undefined && limit.window <= 1_000)
      references.fault([...path, 'burst'], 'needs a window longer than one second', 'say it with `limit`');
    else if (limit.burst !== undefined && limit.burst > limit.limit)
      references.fault([...path, 'burst'], `is more than the limit of ${limit.limit}`);
    if (limit.emergency !== undefined && limit.emergency > limit.limit)
      references.fault([...path, 'emergency'], `is more than the limit of ${limit.limit}`);
    for (const [index, part] of limit.key.entries())
      if (limit.key.indexOf(part) !== index)
        references.fault([...path, 'key', index], `"${part}" is there twice`);
  }
  for (const name of Object.keys(document.quotas))
    if (Object.hasOwn(document.limits, name))
      references.fault(
        ['quotas', name],
        `a limit is called "${name}" too`,
        'answers tell of both by name, so the names have to differ',
      );
}

/** A token is checked by the issuer that its `iss` names, so two cannot share one. */
function checkIssuers({ issuers }: GatewayDocument, references: References): void {
  const seen = new Map<string, string>();
  for (const [name, { issuer }] of Object.entries(issuers)) {
    const other = seen.get(issuer);
    if (other === undefined) seen.set(issuer, name);
    else references.fault(['issuers', name, 'issuer'], `"${issuer}" is already issuers.${other}`);
  }
}
