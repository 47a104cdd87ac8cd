import { hopByHop } from '@sluice/wire';
import { newRequestId } from '@sluice/telemetry';

/** What the gateway itself needs of a header section, found in one pass. */
export interface RequestFields {
  /** End-to-end fields in order, lower-case names, with the canonical `x-request-id`: what backends are shown. */
  readonly endToEnd: readonly string[];
  /** Size of the section as sent, without the request line. */
  readonly size: number;
  readonly hosts: number;
  /** The first one; empty when there is none. */
  readonly host: string;
  /** Values joined by commas; null when the field is absent. */
  readonly transferEncoding: string | null;
  /** -1 when absent. The parser has refused repeated and malformed ones. */
  readonly contentLength: number;
  readonly expect: string | null;
  /** What proxies say: each joined by commas. Whether any of it is believed, `client-address.ts` decides. */
  readonly forwardedFor: string | null;
  readonly forwarded: string | null;
  readonly forwardedProto: string | null;
  /** What browsers say when a page of another origin calls. A repeated field is as good as none that is known. */
  readonly origin: string | null;
  /** `Sec-Fetch-Site`, by which browsers say whose page makes them call. */
  readonly secFetchSite: string | null;
  readonly authorization: string | null;
  readonly apiKey: string | null;
  /** Repeated fields joined by `; `, as HTTP/2 splits them (RFC 9113 section 8.2.3). */
  readonly cookie: string | null;
  /** `Authorization` or `X-API-Key` was sent twice: two programs could each take another one. */
  readonly ambiguous: boolean;
  /** `Access-Control-Request-Method`: the method that a preflight asks about. */
  readonly preflightMethod: string | null;
  readonly traceparent: string | undefined;
  readonly requestId: string;
}

/** Ids that are safe in logs, headers and other systems' search boxes; anything else is replaced. */
const safeRequestId = /^[A-Za-z0-9][A-Za-z0-9._:@/+=-]{0,127}$/;

/** Names of the gateway's own: what a client writes there must not look like the gateway's word to a backend. */
const ownPrefix = 'sluice-';

/** Reads a flat list of names and values as node:http gives it. Never throws: the checks come later, with an answer. */
export function readFields(raw: readonly string[], requestId?: string): RequestFields {
  const endToEnd: string[] = [];
  let size = 0;
  let hosts = 0;
  let host = '';
  let transferEncoding: string | null = null;
  let contentLength = -1;
  let expect: string | null = null;
  let forwardedFor: string | null = null;
  let forwarded: string | null = null;
  let forwardedProto: string | null = null;
  let origin: string | null = null;
  let secFetchSite: string | null = null;
  let authorization: string | null = null;
  let apiKey: string | null = null;
  let cookie: string | null = null;
  let ambiguous = false;
  let preflightMethod: string | null = null;
  let traceparents = 0;
  let traceparent: string | undefined;
  let ids = 0;
  let id: string | undefined = requestId;
  let connection: string | null = null;
  for (let i = 0; i < raw.length; i += 2) {
    const name = (raw[i] as string).toLowerCase();
    const value = raw[i + 1] as string;
    // Name, colon, space, value, CR LF: as near to the bytes as the parser lets see.
    size += name.length + value.length + 4;
    switch (name) {
      case 'host':
        if (hosts++ === 0) host = value;
        break;
      case 'content-length':
        contentLength = Number(value);
        break;
      case 'x-request-id':
        if (requestId === undefined) id = ids++ === 0 ? value : undefined;
        continue;
      case 'traceparent':
        traceparent = traceparents++ === 0 ? value : undefined;
        break;
      case 'x-forwarded-for':
        forwardedFor = forwardedFor === null ? value : `${forwardedFor},${value}`;
        continue;
      case 'forwarded':
        forwarded = forwarded === null ? value : `${forwarded},${value}`;
        continue;
      case 'x-real-ip':
        // Like the two above: backends are told the address in the envelope, where no client can write.
        continue;
      case 'x-forwarded-proto':
        forwardedProto = value;
        break;
      case 'origin':
        origin = origin === null ? value : '';
        break;
      case 'sec-fetch-site':
        secFetchSite = secFetchSite === null ? value : '';
        break;
      case 'authorization':
        if (authorization === null) authorization = value;
        else ambiguous = true;
        break;
      case 'x-api-key':
        if (apiKey === null) apiKey = value;
        else ambiguous = true;
        break;
      case 'cookie':
        cookie = cookie === null ? value : `${cookie}; ${value}`;
        break;
      case 'access-control-request-method':
        preflightMethod = preflightMethod === null ? value : '';
        break;
      case 'transfer-encoding':
        transferEncoding = transferEncoding === null ? value : `${transferEncoding},${value}`;
        continue;
      case 'expect':
        expect = expect === null ? value : `${expect},${value}`;
        continue;
      case 'connection':
        connection = connection === null ? value : `${connection},${value}`;
        continue;
      default:
        if (hopByHop.has(name) || name.startsWith(ownPrefix)) continue;
    }
    endToEnd.push(name, value);
  }
  if (id === undefined || !safeRequestId.test(id)) id = newRequestId();
  endToEnd.push('x-request-id', id);
  return {
    endToEnd: connection === null ? endToEnd : withoutNominated(endToEnd, connection),
    size,
    hosts,
    host,
    transferEncoding,
    contentLength,
    expect,
    forwardedFor,
    forwarded,
    forwardedProto,
    origin,
    secFetchSite,
    authorization,
    apiKey,
    cookie,
    ambiguous,
    preflightMethod,
    traceparent,
    requestId: id,
  };
}

/** Fields that a client must not make disappear by naming them in `Connection`: framing, routing and our own. */
const kept = new Set(['host', 'content-length', 'content-type', 'authorization', 'x-request-id']);

/** RFC 9110 section 7.6.1: a field that `Connection` names ends at this hop. */
function withoutNominated(fields: string[], connection: string): string[] {
  const lower = connection.toLowerCase();
  if (lower === 'keep-alive' || lower === 'close') return fields;
  const nominated = new Set(lower.split(',').map((name) => name.trim()));
  const left: string[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    if (!nominated.has(name) || kept.has(name)) left.push(name, fields[i + 1] as string);
  }
  return left;
}
