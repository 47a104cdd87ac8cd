import type { GatewayDocument } from './document/gateway.ts';
import { allRoles, builtinRoles } from './roles.ts';

/** What roles bring with them, worked out once per document. */
export interface Grants {
  /** The roles with those they include, each once, sorted. Roles that no document knows stay as they are. */
  rolesOf(roles: readonly string[]): string[];
  /** The scopes with those that the roles (and the roles they include) bring, each once, sorted. */
  scopesOf(roles: readonly string[], scopes: readonly string[]): string[];
}

export function grants(document: GatewayDocument): Grants {
  const roles = allRoles(document.roles);
  const closures = new Map<string, readonly string[]>();
  const closureOf = (name: string): readonly string[] => {
    const known = closures.get(name);
    if (known) return known;
    const reached = new Set([name]);
    // A set that grows while it is walked: circles end by themselves.
    for (const each of reached) for (const included of roles.get(each)?.includes ?? []) reached.add(included);
    const closure = [...reached];
    if (roles.has(name)) closures.set(name, closure);
    return closure;
  };
  const rolesOf = (names: readonly string[]): string[] => [...new Set(names.flatMap(closureOf))].toSorted();
  return {
    rolesOf,
    scopesOf: (names, scopes) =>
      [
        ...new Set([...scopes, ...rolesOf(names).flatMap((each) => roles.get(each)?.scopes ?? [])]),
      ].toSorted(),
  };
}

/**
 * The roles that a token's claims bring: with a map those it names, by the names they have here. Without one the
 * issuer's own names count, save those of the gateway's built-in roles: an issuer that calls somebody `admin` does not
 * speak of this gateway.
 */
export function claimedRoles(
  rules: { readonly role_map?: Readonly<Record<string, string>> | undefined },
  claimed: readonly string[],
): string[] {
  const map = rules.role_map;
  if (!map) return claimed.filter((name) => !Object.hasOwn(builtinRoles, name));
  return claimed.flatMap((name) => (Object.hasOwn(map, name) ? [map[name] as string] : []));
}
