import type { Credentials } from '../../credentials/authenticator.ts';

/** RFC 9110 section 9.2.1: these change nothing, so it does no harm that another site can make a browser send them. */
const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Whether a request with a session cookie comes from a page of this origin, or could do no harm. A browser sends the
 * cookie by itself, so for everything that changes something, and for the handshake of a WebSocket, the cookie alone
 * proves nothing: `Sec-Fetch-Site` or `Origin`, which pages cannot write, have to say that the page is ours. `SameSite`
 * is no substitute: another host of the same domain is the same site. A request that says neither is refused.
 */
export function fromOwnPage(
  { method, origin, secFetchSite }: Pick<Credentials, 'method' | 'origin' | 'secFetchSite'>,
  ownOrigin: string,
): boolean {
  if (safeMethods.has(method)) return true;
  return saysOwnOrigin({ origin, secFetchSite }, ownOrigin);
}

/** The same for a WebSocket handshake, which is a GET that opens a way for both directions (RFC 6455 section 10.2). */
export function saysOwnOrigin(
  { origin, secFetchSite }: Pick<Credentials, 'origin' | 'secFetchSite'>,
  ownOrigin: string,
): boolean {
  if (secFetchSite === null) return origin === ownOrigin;
  // A form on a page with the referrer policy `no-referrer`, which is what the gateway's answers have, says `Origin: null`
  // (Fetch standard, "append a request Origin header"). `Sec-Fetch-Site` is told the truth all the same.
  return secFetchSite === 'same-origin' && (origin === null || origin === 'null' || origin === ownOrigin);
}
