import { SluiceError } from '@sluice/errors';

/** A request target after every check: what routes are matched with, and what backends are shown. */
export interface CanonicalTarget {
  /** Percent-encoded with upper-case hex and nothing encoded needlessly (RFC 3986 section 6.2.2). */
  readonly path: string;
  /** Percent-decoded segments; `/` has none. A final slash is not a segment. */
  readonly segments: readonly string[];
  /** Raw query string without the question mark. */
  readonly query: string;
  /** The path ends with a slash that is not its first. No route does. */
  readonly slash: boolean;
}

/** Paths of plain characters without a dot segment need no decoding: nearly all of them. */
const plainPath = /^(?:\/[A-Za-z0-9\-._~!$&'()*+,;=:@]+)+$/;
const dotSegment = /\/\.\.?(?:[/;]|$)/;
const absolute = /^(https?):\/\/([^/?#]*)/i;
/** The decoded form of what no segment may hold: slashes of either kind, C0 and C1 controls, DEL. */
// oxlint-disable-next-line no-control-regex -- naming them is the point
const forbidden = /[\u0000-\u001f\u007f-\u009f/\\]/;
const pchar = /^[A-Za-z0-9\-._~!$&'()*+,;=:@]$/;
const unreserved = /^[A-Za-z0-9\-._~]$/;

/**
 * Takes a request target apart and refuses every form that two programs could read differently: the gateway and the
 * backend must never disagree on which path was asked for. Accepted are the origin form and the absolute form for the
 * same host (RFC 9112 section 3.2); `host` is the value of the `Host` field. Throws SluiceError `bad_path`, or
 * `bad_request` for a target that names another host.
 */
export function canonicalTarget(target: string, host: string): CanonicalTarget {
  if (target.includes('#')) throw new SluiceError('bad_path', 'The request target has a fragment.');
  const local = target.startsWith('/') ? target : originForm(target, host);
  const mark = local.indexOf('?');
  const path = mark === -1 ? local : local.slice(0, mark);
  const query = mark === -1 ? '' : local.slice(mark + 1);
  if (path === '/') return { path, segments: [], query, slash: false };
  const slash = path.endsWith('/');
  const body = slash ? path.slice(0, -1) : path;
  if (plainPath.test(body) && !dotSegment.test(body))
    return { path, segments: body.slice(1).split('/'), query, slash };

  const segments: string[] = [];
  let canonical = '';
  for (const raw of body.slice(1).split('/')) {
    segments.push(decode(raw));
    canonical += `/${normalise(raw)}`;
  }
  return { path: slash ? `${canonical}/` : canonical, segments, query, slash };
}

function originForm(target: string, host: string): string {
  const match = absolute.exec(target);
  if (!match) throw new SluiceError('bad_request', 'The request target is neither a path nor an http URL.');
  const [whole, scheme, authority] = match as unknown as [string, string, string];
  if (sameHost(authority, scheme) !== sameHost(host, scheme))
    throw new SluiceError('bad_request', 'The request target names another host than the Host field.');
  const rest = target.slice(whole.length);
  return rest.startsWith('/') ? rest : `/${rest}`;
}

function sameHost(authority: string, scheme: string): string {
  const port = scheme.toLowerCase() === 'https' ? ':443' : ':80';
  const lower = authority.toLowerCase();
  return lower.endsWith(port) ? lower.slice(0, -port.length) : lower;
}

function decode(raw: string): string {
  if (raw === '') throw new SluiceError('bad_path', 'The path has an empty segment.');
  let text: string;
  try {
    // Throws for a bad escape and for bytes that are not UTF-8, overlong forms and surrogates included.
    text = decodeURIComponent(raw);
  } catch {
    throw new SluiceError('bad_path', 'The path has an escape that is not two hex digits or not UTF-8.');
  }
  if (forbidden.test(text))
    throw new SluiceError(
      'bad_path',
      'The path has a slash, backslash or control character inside a segment.',
    );
  // Some servers take `..;x` for `..` (a path parameter), so what stands before a semicolon counts as well.
  const [plain] = text.split(';', 1);
  if (plain === '.' || plain === '..') throw new SluiceError('bad_path', 'The path has a dot segment.');
  return text;
}

/** Upper-case hex; unreserved characters plain; every other character that a path cannot hold encoded. */
function normalise(raw: string): string {
  let out = '';
  for (let i = 0; i < raw.length; i++) {
    const character = raw[i] as string;
    if (character === '%') {
      const hex = raw.slice(i + 1, i + 3).toUpperCase();
      const plain = String.fromCharCode(Number.parseInt(hex, 16));
      out += unreserved.test(plain) ? plain : `%${hex}`;
      i += 2;
    } else {
      out += pchar.test(character) ? character : encodeURIComponent(character);
    }
  }
  return out;
}
