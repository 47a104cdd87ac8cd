import { isDeepStrictEqual } from 'node:util';
import { isBusError, type Bucket } from '@sluice/nats';
import { checkDocument, type DeclaredRoute } from './document.ts';
import { formatPath } from './yaml.ts';

/** Key of KV `config` that holds the declared routes, as the JSON form of the YAML file. */
export const declaredKey = 'routes';

export interface DeclaredFollower {
  stop(): void;
}

/**
 * Follows the declared routes in KV `config`. `onRoutes` gets every valid document; one that is not valid is reported
 * and changes nothing. `onReady` is called once when the present document, or its absence, is known.
 */
export async function followDeclared(
  bucket: Bucket,
  handlers: {
    onRoutes(routes: readonly DeclaredRoute[]): void;
    onReady(): void;
    report(detail: string): void;
  },
): Promise<DeclaredFollower> {
  let seen = false;
  const stop = await bucket.watch({
    keys: declaredKey,
    onChange: ({ value }) => {
      seen = true;
      if (value === null) return handlers.onRoutes([]);
      const routes = read(value, (detail) => handlers.report(detail));
      if (routes) handlers.onRoutes(routes);
    },
    onReady: () => {
      if (!seen) handlers.onRoutes([]);
      handlers.onReady();
    },
  });
  return { stop };
}

function read(value: Uint8Array, report: (detail: string) => void): DeclaredRoute[] | null {
  const parsed = parseJson(value);
  const result = parsed === undefined ? null : checkDocument(parsed);
  if (result?.ok) return result.routes;
  const faults = result
    ? result.faults.map((fault) => `${formatPath(fault.path)}: ${fault.message}`)
    : ['it is not JSON'];
  report(`KV config key ${declaredKey} is not valid, the routes declared before stay: ${faults.join('; ')}`);
  return null;
}

function parseJson(value: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('utf8'));
  } catch {
    return undefined;
  }
}

/**
 * Stores a checked document; false when it is stored already. Replicas that read the same file at the same time write
 * it once: the loser of the race looks again.
 */
export async function storeDeclared(bucket: Bucket, document: unknown): Promise<boolean> {
  for (let attempt = 1; ; attempt++) {
    const present = await bucket.get(declaredKey);
    if (present && isDeepStrictEqual(parseJson(present.value), JSON.parse(JSON.stringify(document))))
      return false;
    const text = JSON.stringify(document);
    try {
      if (present) await bucket.update(declaredKey, text, present.revision);
      else await bucket.create(declaredKey, text);
      return true;
    } catch (error) {
      if (!isBusError(error, 'rejected') || attempt === 3) throw error;
    }
  }
}
