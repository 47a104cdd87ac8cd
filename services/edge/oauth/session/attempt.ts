import { randomBytes, randomInt } from 'node:crypto';
import { cookieValue } from './cookies.ts';
import { attemptSlots, type ConfiguredLogin } from './login.ts';
import type { CodeChecks } from './provider.ts';
import { seal, unseal, type SealKey } from './seal.ts';

/** A login under way: what its callback has to match, and where the browser wanted to go. In a cookie until then. */
export interface Attempt extends CodeChecks {
  readonly login: string;
  readonly returnTo: string;
  /** Milliseconds since the epoch. */
  readonly end: number;
}

/** A login that takes longer is begun again. */
export const attemptMs = 600_000;

/**
 * Begins one in the first slot that this browser does not use, so that logins in several tabs do not disturb each other;
 * the slot is the first character of the state.
 */
export function newAttempt(login: ConfiguredLogin, returnTo: string, cookies: string | null): Attempt {
  const random = (): string => randomBytes(32).toString('base64url');
  const free = Array.from({ length: attemptSlots }, (_, slot) => slot).filter(
    (slot) => cookieValue(cookies, login.attemptCookie(slot)) === null,
  );
  const slot = free[0] ?? randomInt(attemptSlots);
  return {
    login: login.name,
    state: `${slot}${random()}`,
    nonce: random(),
    verifier: random(),
    returnTo,
    end: Date.now() + attemptMs,
  };
}

/** Name of the cookie of a state; null for a state that was never given out. */
export function attemptCookieOf(login: ConfiguredLogin, state: string): string | null {
  const slot = /^[0-9]/.test(state) ? Number(state[0]) : attemptSlots;
  return slot < attemptSlots ? login.attemptCookie(slot) : null;
}

export async function sealAttempt(attempt: Attempt, login: ConfiguredLogin): Promise<string> {
  const [key] = await login.keys();
  return seal({ ...attempt, kind: 'attempt' }, key as SealKey);
}

/** Null for a cookie that is missing, changed, too old, or of another login or state. */
export async function openAttempt(
  login: ConfiguredLogin,
  state: string,
  cookies: string | null,
): Promise<Attempt | null> {
  const name = attemptCookieOf(login, state);
  const cookie = name === null ? null : cookieValue(cookies, name);
  if (cookie === null) return null;
  const attempt = (await unseal(cookie, await login.keys())) as (Attempt & { kind?: unknown }) | null;
  if (attempt?.kind !== 'attempt' || attempt.login !== login.name || attempt.state !== state) return null;
  return attempt.end > Date.now() ? attempt : null;
}
