import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { problemHeaders, SluiceError, toProblem, toSluiceError } from '@sluice/errors';
import type { Bus, BusMessage } from '@sluice/nats';
import type { DocumentFollower, GatewayDocument } from '@sluice/policy';
import type { CompiledRoute, RouteTable } from '@sluice/routes';
import { decodeRequest, encodeResponse, headerValues, type WireRequest } from '@sluice/wire';
import { assembleDocument } from './document.ts';
import type { Fragment } from './fragment.ts';
import type { SchemaStore } from './schema-store.ts';

const compress = promisify(gzip);

/** How long a document waits for schemas that do not come; it is answered without them then. */
const patienceMs = 3_000;
/** Room for the envelope around the document. */
const envelopeBytes = 4_096;

export interface OpenApiOptions {
  readonly bus: Bus;
  readonly table: RouteTable;
  readonly schemas: SchemaStore;
  /** What people wrote: it names the cookie of logins. */
  readonly document: Pick<DocumentFollower, 'current'>;
  readonly title: string;
  readonly version: string;
  readonly report: (detail: string, error: unknown) => void;
}

/**
 * Answers `GET /openapi.json`. A document that does not fit a message of the bus is compressed for clients that take
 * gzip; for others the schemas are left out (`x-sluice-schemas: omitted`); a table that does not fit even then is an
 * error that says so.
 */
export function openApiHandler(options: OpenApiOptions): (message: BusMessage) => Promise<void> {
  const fullText = cachedText(options);
  return async function openapi(message) {
    let requestId = '';
    try {
      const request = decodeRequest(message.data);
      requestId = request.id;
      await Promise.race([options.schemas.refresh(), after(patienceMs)]);
      message.respond(encodeResponse({ status: 200, ...(await represent(options, request, fullText())) }));
    } catch (thrown) {
      const error = toSluiceError(thrown);
      options.report('the OpenAPI document could not be answered', error.cause ?? error);
      const body = Buffer.from(JSON.stringify(toProblem(error, requestId)));
      message.respond(encodeResponse({ status: error.status, headers: problemHeaders(error), body }));
    }
  };
}

/** The document with every schema, assembled again only after the table or a schema has changed. */
function cachedText(options: OpenApiOptions): () => Buffer {
  const { table, schemas } = options;
  let changes = 0;
  let made: { text: Buffer; changes: number; version: number; document: GatewayDocument } | undefined;
  table.onChange(() => changes++);
  return () => {
    const { version } = schemas;
    // The document itself, not its revision: a bucket that was lost and made anew counts from 1 again.
    const document = options.document.current;
    if (made?.changes === changes && made.version === version && made.document === document) return made.text;
    const fragment = (route: CompiledRoute): Fragment | null => schemas.fragment(route);
    made = { text: Buffer.from(JSON.stringify(assemble(options, fragment))), changes, version, document };
    return made.text;
  };
}

async function represent(
  options: OpenApiOptions,
  request: WireRequest,
  text: Buffer,
): Promise<{ headers: string[]; body: Uint8Array }> {
  const { bus } = options;
  const headers = [
    'content-type',
    'application/json',
    'cache-control',
    'no-cache',
    'vary',
    'accept-encoding',
  ];
  const room = bus.maxPayload - envelopeBytes;
  if (text.length <= room) return { headers, body: text };
  if (takesGzip(request)) {
    const small = await compress(text);
    if (small.length <= room) return { headers: [...headers, 'content-encoding', 'gzip'], body: small };
  }
  const bare = assemble(options, () => null);
  const body = Buffer.from(JSON.stringify({ ...bare, 'x-sluice-schemas': 'omitted' }));
  if (body.length <= room) return { headers, body };
  throw new SluiceError('internal', 'The API document is too large for the message bus.', {
    cause: new Error(`document of ${body.length} bytes, room for ${room}: raise max_payload of NATS`),
  });
}

function assemble(
  { title, version, table, document }: OpenApiOptions,
  fragment: (route: CompiledRoute) => Fragment | null,
): Record<string, unknown> {
  const [login] = Object.values(document.current.logins);
  const sessionCookie = login?.cookie_name ?? 'sluice_session';
  return assembleDocument({ title, version, routes: table.routes(), fragment, sessionCookie });
}

/** RFC 9110 section 12.5.3; `gzip;q=0` is a refusal. */
function takesGzip(request: WireRequest): boolean {
  return headerValues(request.headers, 'accept-encoding')
    .flatMap((value) => value.toLowerCase().split(','))
    .some((coding) => /^\s*(?:gzip|\*)\s*(?:;\s*q\s*=\s*(?:1|0?\.0*[1-9]|0\.\d*[1-9]).*)?$/.test(coding));
}

function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
