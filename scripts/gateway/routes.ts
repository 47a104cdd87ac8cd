import { isBusError, openBucket, streamState, type Bus } from '@sluice/nats';
import { routesBucket, type CompiledRoute, type RouteProblem } from '@sluice/routes';
import { CommandError, parseOptions, type Command } from './command.ts';
import { connectionHelp, connectionOptions, findServer, withBus } from './connection.ts';
import { formatColumns } from './columns.ts';

/** The compiled table as a running gateway follows it, in the order of paths. */
export interface RouteListing {
  readonly routes: readonly CompiledRoute[];
  readonly problems: readonly RouteProblem[];
}

export const routesCommand: Command = {
  name: 'routes',
  summary: 'lists the route table with where each route comes from, and what is wrong',
  help: `Usage: npm run gateway -- routes [options]

Lists every route of a running gateway: method, path, who may call (public, or the credentials
that are taken), subject, encoding, origin (declared in the gateway document, or discovered from a
service with its version). Then the routes that are closed, because neither the service nor the
document says who may call them, and those that were left out of the table.

  --json            the whole table as JSON: {"routes": [...], "problems": [...]}
${connectionHelp}`,
  async run(args) {
    const values = parseOptions(args, { ...connectionOptions, json: { type: 'boolean' } });
    const server = await findServer(values, process.env);
    const listing = await withBus(server, (bus) => readListing(bus, server.url));
    return values.json === true ? `${JSON.stringify(listing, null, 2)}\n` : formatListing(listing);
  },
};

async function readListing(bus: Bus, url: string): Promise<RouteListing> {
  try {
    await streamState(bus, `KV_${routesBucket}`);
  } catch (error) {
    if (isBusError(error, 'rejected'))
      throw new CommandError(`the NATS server at ${url} holds no route table: has a router run there?`);
    throw error;
  }
  const bucket = await openBucket(bus, { name: routesBucket });
  const routes: CompiledRoute[] = [];
  const problems: RouteProblem[] = [];
  for (const { key, value } of await bucket.entries()) {
    const parsed = parse(value);
    if (parsed === null) problems.push(unreadable(key));
    else if (key.startsWith('route.')) routes.push(parsed as CompiledRoute);
    else if (key.startsWith('problem.')) problems.push(parsed as RouteProblem);
  }
  routes.sort((a, b) => compare(a.path, b.path) || compare(a.method, b.method));
  problems.sort((a, b) => compare(a.id, b.id));
  return { routes, problems };
}

function parse(value: Uint8Array): object | null {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(value).toString('utf8'));
    return typeof parsed === 'object' ? parsed : null;
  } catch {
    return null;
  }
}

function unreadable(key: string): RouteProblem {
  return { id: key, origin: 'declared', source: 'KV routes', detail: 'the stored value is not JSON' };
}

export function formatListing({ routes, problems }: RouteListing): string {
  const rows = routes.map((route) => [
    route.method,
    route.path,
    authText(route),
    route.subject,
    route.encoding,
    route.origin,
    route.service ? `${route.service.name} ${route.service.version}` : '-',
  ]);
  const table = formatColumns(['METHOD', 'PATH', 'AUTH', 'SUBJECT', 'ENCODING', 'ORIGIN', 'SERVICE'], rows);
  const count = routes.length === 1 ? '1 route' : `${routes.length} routes`;
  const closed = routes.filter(isClosed).map(({ id }) => `  ${id}\n`);
  const left = problems.map(({ id, source, detail }) => `  ${id} (${source}): ${detail}\n`);
  return [
    `${table}\n${count}\n`,
    ...(closed.length === 0 ? [] : [`\n${closedTitle}\n${closed.join('')}`]),
    ...(left.length === 0 ? [] : [`\nLeft out:\n${left.join('')}`]),
  ].join('');
}

const closedTitle =
  'Closed, nobody has said who may call them (`auth` of the route, of an override, or of `defaults`):';

function isClosed(route: CompiledRoute): boolean {
  return route.auth !== 'public' && route.auth.length === 0;
}

/** Credentials in the order they are tried. */
function authText(route: CompiledRoute): string {
  if (route.auth === 'public') return 'public';
  return isClosed(route) ? 'closed' : route.auth.join(',');
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
