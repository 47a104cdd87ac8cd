import { isDeepStrictEqual } from 'node:util';
import { isBusError, openBucket, streamState, type Bus } from '@sluice/nats';
import { checkDocumentGently, lostRoutes, type LoadedAs } from '@sluice/policy';
import { routeKey, routesBucket, type CompiledRoute } from '@sluice/routes';

/** What is valid, and yet has an effect that somebody may not mean. */
export interface Warning {
  /** Id of the route that it is about; null: of none. */
  readonly route: string | null;
  readonly detail: string;
}

/** Parts of a document that announced routes depend on. */
const concerned = ['defaults', 'routes', 'overrides', 'services', 'limits', 'cors'];
/** Warnings that are listed one by one. */
const mostListed = 100;

/**
 * What a document in the place of another would do to announced routes, by the table as it is now: a service that names a
 * limit which is gone has no route any more, and nothing else would say so. Throws BusError.
 */
export async function documentWarnings(bus: Bus, before: unknown, after: unknown): Promise<Warning[]> {
  if (concerned.every((part) => isDeepStrictEqual(memberOf(before, part), memberOf(after, part)))) return [];
  const [was, will] = [await checkDocumentGently(before), await checkDocumentGently(after)];
  // Nobody follows a document that is not valid: what the table was made of is not known.
  if (!was.ok || !will.ok) return [];
  const lost = lostRoutes(await routeTable(bus), was.document, will.document);
  const listed = lost.slice(0, mostListed).map(({ id, method, path, reason }) => ({
    route: id,
    detail: `${method} ${path} leaves the route table: ${reason}`,
  }));
  const more = lost.length - listed.length;
  return more === 0 ? listed : [...listed, { route: null, detail: `${more} more routes leave the table` }];
}

/** Somebody who applies a document beside a file that routers follow has to know who wins, and when. */
export function fileWarnings(file: LoadedAs | null): Warning[] {
  if (!file) return [];
  const { name, revision } = file;
  const detail = `routers load the document from a file, too (${name}, last as revision ${revision}): its next change takes the place of this document`;
  return [{ route: null, detail }];
}

/** The compiled table; empty where no router has run yet. */
async function routeTable(bus: Bus): Promise<CompiledRoute[]> {
  try {
    await streamState(bus, `KV_${routesBucket}`);
  } catch (error) {
    // It is the router's to make.
    if (isBusError(error, 'rejected')) return [];
    throw error;
  }
  const bucket = await openBucket(bus, { name: routesBucket });
  return (await bucket.entries()).flatMap(({ key, value }) => {
    const route = parse(value);
    return route !== null && key === routeKey(route.id) ? [route] : [];
  });
}

/** Null for what is no route: something that somebody wrote by hand. */
function parse(value: Uint8Array): CompiledRoute | null {
  try {
    const route = JSON.parse(Buffer.from(value).toString('utf8')) as CompiledRoute | null;
    const texts = [route?.id, route?.method, route?.path, route?.subject];
    return texts.every((text) => typeof text === 'string') && Array.isArray(route?.limits) ? route : null;
  } catch {
    return null;
  }
}

function memberOf(document: unknown, part: string): unknown {
  return (document as Record<string, unknown> | null)?.[part];
}
