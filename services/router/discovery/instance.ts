/** An endpoint of an ADR-32 service as its INFO tells it. */
export interface ServiceEndpoint {
  readonly name: string;
  readonly subject: string;
  /** The `sluice.*` values; null for one that is no text or too long: left out, it could open what it was to close. */
  readonly metadata: Readonly<Record<string, string | null>>;
}

/** One running instance of an ADR-32 service. */
export interface ServiceInstance {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly endpoints: readonly ServiceEndpoint[];
}

/** Bounds on what one instance may announce; an INFO reply fits one message, but messages can be set to 64 MiB. */
const maxEndpoints = 1_000;
export const maxValueLength = 4_096;

const name = /^[A-Za-z0-9_-]{1,64}$/;

/** Id, name and version of a `$SRV.PING` answer, or null when it is none (ADR-32, "Ping"). */
export function parsePing(value: unknown): { id: string; name: string; version: string } | null {
  if (!isObject(value)) return null;
  const { id, name: service, version } = value;
  if (typeof id !== 'string' || !name.test(id)) return null;
  if (typeof service !== 'string' || !name.test(service)) return null;
  // Versions end up in logs and terminals.
  if (typeof version !== 'string' || !/^[\x20-\x7e]{1,128}$/.test(version)) return null;
  return { id, name: service, version };
}

/**
 * Checks a `$SRV.INFO` answer (ADR-32, "Info") and keeps what routes are made of: endpoints with a `sluice.route`, and
 * of their metadata the `sluice.*` values. Null when it is no INFO answer.
 */
export function parseInfo(value: unknown): ServiceInstance | null {
  const identity = parsePing(value);
  if (!identity || !isObject(value)) return null;
  const { endpoints } = value;
  if (endpoints !== undefined && endpoints !== null && !Array.isArray(endpoints)) return null;
  const kept: ServiceEndpoint[] = [];
  for (const endpoint of (endpoints ?? []) as unknown[]) {
    if (kept.length === maxEndpoints) break;
    const parsed = parseEndpoint(endpoint);
    if (parsed) kept.push(parsed);
  }
  return { ...identity, endpoints: kept };
}

function parseEndpoint(value: unknown): ServiceEndpoint | null {
  if (!isObject(value) || !isObject(value['metadata'])) return null;
  const { name: endpoint, subject } = value;
  if (typeof endpoint !== 'string' || !name.test(endpoint) || typeof subject !== 'string') return null;
  const metadata: Record<string, string | null> = {};
  for (const [key, text] of Object.entries(value['metadata']))
    if (key.startsWith('sluice.'))
      metadata[key] = typeof text === 'string' && text.length <= maxValueLength ? text : null;
  return 'sluice.route' in metadata ? { name: endpoint, subject, metadata } : null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
