import type { Claims } from '../../credentials/claims.ts';
import { seal, unseal } from './seal.ts';
import type { Ticket } from './ticket.ts';
import type { Tokens } from './tokens.ts';

/** KV bucket with an entry per session, `<login>.<session id>`; each goes by itself when its session is over. */
export const sessionsBucket = 'sessions';

/** The entry: who and since when for operators (`nats kv get sessions …`), everything else sealed with the cookie's key. */
export interface StoredSession {
  readonly subject: string;
  /** When the user logged in, milliseconds since the epoch. */
  readonly started: number;
  /** An edge is refreshing the tokens and has until then, milliseconds since the epoch; 0: nobody is. */
  readonly renewing: number;
  readonly sealed: string;
}

/** What is sealed. */
export interface SessionState {
  readonly claims: Claims;
  readonly subject: string;
  readonly idToken: string | null;
  readonly refreshToken: string | null;
  /** From when to when the access token counts, milliseconds since the epoch; null: it has no end of its own. */
  readonly access: { readonly from: number; readonly to: number } | null;
}

/** Refreshing begins this long before the end, or in the last quarter of short-lived tokens. */
const longestMarginMs = 30_000;
/** An identity larger than this is a misconfigured provider. */
export const largestEntry = 64 * 1024;

export function stateOf(tokens: Tokens, before: SessionState | null): SessionState {
  const { claims, subject, accessEnd } = tokens;
  return {
    claims,
    subject,
    // Providers that do not rotate, or do not repeat the ID token, leave out what stays.
    idToken: tokens.idToken ?? before?.idToken ?? null,
    refreshToken: tokens.refreshToken ?? before?.refreshToken ?? null,
    access: accessEnd === null ? null : { from: Date.now(), to: accessEnd },
  };
}

/** From when on the tokens should be refreshed, milliseconds since the epoch. */
export function renewalTime({ access }: SessionState): number {
  if (access === null) return Number.POSITIVE_INFINITY;
  return access.to - Math.min(longestMarginMs, (access.to - access.from) / 4);
}

/** The part that operators may read is repeated inside, so that entries cannot be exchanged for each other. */
export function sealState(state: SessionState, ticket: Ticket): Promise<string> {
  return seal({ ...state, session: ticket.entry }, ticket.key);
}

/** Null where the entry was not sealed for this ticket. */
export async function unsealState(sealed: string, ticket: Ticket): Promise<SessionState | null> {
  const value = (await unseal(sealed, [ticket.key])) as (SessionState & { session?: unknown }) | null;
  return value?.session === ticket.entry ? value : null;
}

export function encodeSession(session: StoredSession): string {
  return JSON.stringify(session);
}

/** Null for a value that nobody here has written. */
export function decodeSession(value: Uint8Array): StoredSession | null {
  try {
    const session = JSON.parse(Buffer.from(value).toString()) as Partial<StoredSession> | null;
    if (typeof session?.sealed !== 'string' || typeof session.started !== 'number') return null;
    return {
      subject: String(session.subject),
      started: session.started,
      renewing: Number(session.renewing) || 0,
      sealed: session.sealed,
    };
  } catch {
    return null;
  }
}
