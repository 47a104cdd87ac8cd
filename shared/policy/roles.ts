import type { Role } from './document/callers.ts';

/** Roles that exist without a document: the admin API asks for them. `admin` may everything, `viewer` may look. */
export const builtinRoles: Readonly<Record<string, Role>> = {
  admin: { description: 'May change everything through the admin API.', includes: ['viewer'], scopes: [] },
  viewer: { description: 'May look at everything through the admin API.', includes: [], scopes: [] },
};

/** The roles of a document with the built-in ones; what the document says about those is added to what they have. */
export function allRoles(roles: Readonly<Record<string, Role>>): Map<string, Role> {
  const all = new Map(Object.entries(roles));
  for (const [name, builtin] of Object.entries(builtinRoles)) {
    const own = all.get(name);
    all.set(
      name,
      own
        ? {
            ...own,
            includes: [...builtin.includes, ...own.includes],
            scopes: [...builtin.scopes, ...own.scopes],
          }
        : builtin,
    );
  }
  return all;
}
