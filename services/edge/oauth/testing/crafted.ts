import { openBucket, type Bucket } from '@sluice/nats';
import { until } from '@sluice/testing';
import type { CookieBrowser } from '../../../../tests/support/cookie-browser.ts';
import type { TestEdge } from '../../testing/test-edge.ts';
import { parseSealKeys, seal, sealKey, unseal, type SealKey } from '../session/seal.ts';
import {
  decodeSession,
  encodeSession,
  sealState,
  sessionsBucket,
  unsealState,
  type SessionState,
  type StoredSession,
} from '../session/stored-session.ts';
import type { ConfiguredLogin } from '../session/login.ts';
import type { SessionStore } from '../session/session-store.ts';
import { newTicket, sealTicket, type Ticket } from '../session/ticket.ts';
import { cookieKeys } from './login-kit.ts';

export const sessionCookie = 'sluice_session';
export const firstKey = parseSealKeys(cookieKeys[0] as string)[0] as SealKey;

/** What a cookie of ours holds, opened with the key that tests know. */
export async function opened(cookie: string): Promise<Record<string, unknown>> {
  const value = await unseal(cookie, [firstKey]);
  if (value === null) throw new Error('not a cookie of ours');
  return value as Record<string, unknown>;
}

/** The same cookie with something in it changed, sealed as the gateway would. */
export async function resealed(cookie: string, change: object, key = firstKey): Promise<string> {
  return seal({ ...(await opened(cookie)), ...change }, key);
}

export async function ticketOf(browser: CookieBrowser, edge: TestEdge): Promise<Ticket> {
  const cookie = browser.cookies(edge.url).get(sessionCookie) ?? '';
  const { l, s, k, b, e } = (await opened(cookie)) as {
    l: string;
    s: string;
    k: string;
    b: number;
    e: number;
  };
  const key = sealKey(new Uint8Array(Buffer.from(k, 'base64url')));
  return { login: l, id: s, key, began: b, end: e, entry: `${l}.${s}` };
}

export function sessions(edge: TestEdge): Promise<Bucket> {
  return openBucket(edge.bus, { name: sessionsBucket, perKeyTtl: true });
}

/** A session of a minute ago that no provider has to vouch for: the `Cookie` field of its browser, and its ticket. */
export async function craftedSession(
  login: ConfiguredLogin,
  store: SessionStore,
  claims: SessionState['claims'],
): Promise<{ cookie: string; ticket: Ticket }> {
  const ticket = { ...newTicket(login, Date.now() + 3_600_000), began: Date.now() - 60_000 };
  const subject = String(claims['sub']);
  const state = { claims, subject, idToken: null, refreshToken: null, access: null };
  const sealed = await sealState(state, ticket);
  await store.create(ticket.entry, { subject, started: ticket.began, renewing: 0, sealed }, ticket.end);
  return { cookie: `${login.cookie}=${await sealTicket(ticket, login)}`, ticket };
}

export interface StoredEntry {
  readonly stored: StoredSession;
  readonly state: SessionState;
}

/** The entry of a browser's session; null when it is gone. */
export async function entryOf(browser: CookieBrowser, edge: TestEdge): Promise<StoredEntry | null> {
  const ticket = await ticketOf(browser, edge);
  const found = await (await sessions(edge)).get(ticket.entry);
  const stored = found && decodeSession(found.value);
  if (!stored) return null;
  return { stored, state: (await unsealState(stored.sealed, ticket)) as SessionState };
}

/**
 * Writes a browser's session over, so that no test has to wait for its tokens to grow old. Resolves when the edges that
 * have the session at hand have heard of it.
 */
export async function rewrite(
  browser: CookieBrowser,
  edges: readonly TestEdge[],
  change: { state?: Partial<SessionState>; stored?: Partial<StoredSession> },
): Promise<void> {
  const edge = edges[0] as TestEdge;
  const ticket = await ticketOf(browser, edge);
  const before = await entryOf(browser, edge);
  if (before === null) throw new Error('the session is gone');
  const sealed = await sealState({ ...before.state, ...change.state }, ticket);
  const entry = encodeSession({ ...before.stored, sealed, ...change.stored });
  const revision = await (await sessions(edge)).put(ticket.entry, entry);
  const told = ({ sessions: { store } }: TestEdge): boolean =>
    (store.peek(ticket.entry)?.revision ?? revision) >= revision;
  await until(() => edges.every(told), { message: 'the edges know the rewritten session' });
}

/** Access tokens that have ended. */
export const over = { access: { from: 0, to: 1 } };
