import type { AuthMethod } from '../facts.ts';
import type { GatewayDocument } from '../document/gateway.ts';
import type { DocumentFault } from './fault.ts';

/** What each credential method needs in the document before anybody can be known by it; keys need nothing. */
const sources: Readonly<Record<Exclude<AuthMethod, 'key'>, 'issuers' | 'introspection' | 'logins'>> = {
  jwt: 'issuers',
  oauth: 'introspection',
  session: 'logins',
};

/**
 * What is valid, and yet hardly what somebody meant: routes that nobody can call, calls that no limit lets pass, and
 * credentials that nobody can have.
 * People are told of it; it refuses nothing.
 */
export function documentNotes(document: GatewayDocument): DocumentFault[] {
  const notes: DocumentFault[] = [];
  for (const [index, route] of document.routes.entries()) {
    const auth = route.auth ?? document.defaults.auth;
    const path = ['routes', index];
    if (auth === undefined)
      notes.push({
        path,
        message: `nobody may call route "${route.id}"`,
        hint: 'say `auth` here or in `defaults`',
      });
    else if (route.auth === undefined && auth === 'public' && (route.roles ?? route.scopes))
      notes.push({
        path,
        message: `nobody may call route "${route.id}": it asks for roles or scopes, and \`defaults\` for no credentials`,
        hint: 'say `auth` here',
      });
  }
  notes.push(...tooDear(document));
  for (const { auth, path } of statements(document)) {
    if (auth === undefined || auth === 'public') continue;
    const missing = auth.flatMap((method) =>
      method !== 'key' && Object.keys(document[sources[method]]).length === 0
        ? [`${method} (\`${sources[method]}\`)`]
        : [],
    );
    if (missing.length === auth.length)
      notes.push({
        path,
        message: `nobody can have these credentials: the document has nothing for ${missing.join(', ')}`,
        hint: null,
      });
  }
  return notes;
}

/** Routes whose one call costs more than a limit of theirs ever holds: every call gets 429. */
function tooDear({ routes, defaults, limits }: GatewayDocument): DocumentFault[] {
  return routes.flatMap(({ id, cost = 1, limits: own = [] }, index) => {
    const names = new Set([...(defaults.limits ?? []), ...own]);
    return [...names].flatMap((name) => {
      const limit = Object.hasOwn(limits, name) ? limits[name] : undefined;
      if (limit === undefined) return [];
      const most = Math.min(limit.limit, limit.burst ?? limit.limit);
      if (cost <= most) return [];
      const what = limit.burst === most ? 'the burst of limit' : 'limit';
      return {
        path: ['routes', index, 'cost'],
        message: `no call of route "${id}" can pass: it costs ${cost}, and ${what} "${name}" holds ${most}`,
        hint: null,
      };
    });
  });
}

function statements(
  document: GatewayDocument,
): { auth: 'public' | AuthMethod[] | undefined; path: (string | number)[] }[] {
  return [
    { auth: document.defaults.auth, path: ['defaults', 'auth'] },
    ...document.routes.map(({ auth }, index) => ({ auth, path: ['routes', index, 'auth'] })),
    ...Object.entries(document.overrides).map(([id, { auth }]) => ({
      auth,
      path: ['overrides', id, 'auth'],
    })),
    ...document.channels.map(({ auth }, index) => ({ auth, path: ['channels', index, 'auth'] })),
  ];
}
