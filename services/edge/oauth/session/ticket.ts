import { randomBytes } from 'node:crypto';
import type { ConfiguredLogin } from './login.ts';
import type { Logins } from './logins.ts';
import { seal, sealKey, unseal, type SealKey } from './seal.ts';

/**
 * What the session cookie holds, encrypted: which session it is, and the key that opens the session's entry in KV. The
 * tokens themselves are in that entry: a refresh token that changes with every use cannot live in a cookie, because the
 * answer that carries the new one may never arrive, and two tabs would write over each other. Whoever reads KV has not the
 * key; whoever has the cookie has not the entry.
 */
export interface Ticket {
  readonly login: string;
  readonly id: string;
  readonly key: SealKey;
  /** When the user logged in, milliseconds since the epoch. */
  readonly began: number;
  /** When the session ends, whatever is refreshed; milliseconds since the epoch. */
  readonly end: number;
  /** Key of its entry in KV `sessions`. */
  readonly entry: string;
}

const idBytes = 18;
const idText = /^[A-Za-z0-9_-]{24}$/;
/** A real one has about 330 characters. */
const longestCookie = 1_024;

export function newTicket(login: ConfiguredLogin, end: number): Ticket {
  const id = randomBytes(idBytes).toString('base64url');
  return ticket(login.name, id, new Uint8Array(randomBytes(32)), Date.now(), end);
}

/** The cookie's value. */
export async function sealTicket(of: Ticket, login: ConfiguredLogin): Promise<string> {
  const [key] = await login.keys();
  return seal(
    { l: of.login, s: of.id, k: Buffer.from(of.key.bytes).toString('base64url'), b: of.began, e: of.end },
    key as SealKey,
  );
}

/**
 * The ticket of a cookie; null for one that is forged, changed, of a login that the document has not, sealed with a key
 * that is no longer that login's, or over. Rejects where the keys cannot be read.
 */
export async function openTicket(cookie: string, logins: Logins): Promise<Ticket | null> {
  if (cookie.length > longestCookie) return null;
  let unreadable: unknown = null;
  for (const login of logins.all()) {
    const keys = await login.keys().catch((error: unknown) => {
      unreadable = error;
      return [];
    });
    const value = (await unseal(cookie, keys)) as Readonly<
      Record<'l' | 's' | 'k' | 'b' | 'e', unknown>
    > | null;
    // Logins may share a key and a cookie's name; a session belongs to the one that it was begun with.
    if (value === null || value.l !== login.name) continue;
    const { s: id, k: key, b: began, e: end } = value;
    if (typeof id !== 'string' || !idText.test(id) || typeof key !== 'string') return null;
    if (typeof began !== 'number' || typeof end !== 'number' || end <= Date.now()) return null;
    return ticket(login.name, id, new Uint8Array(Buffer.from(key, 'base64url')), began, end);
  }
  if (unreadable !== null) throw unreadable;
  return null;
}

function ticket(login: string, id: string, key: Uint8Array, began: number, end: number): Ticket {
  return { login, id, key: sealKey(key), began, end, entry: `${login}.${id}` };
}
