import type { Actor } from '../access.ts';

/**
 * One change, as it is kept in the stream: who, what, before and after, without secrets. It is written before the change
 * is made; {@link AuditOutcome} tells what became of it.
 */
export interface AuditEntry {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly who: Actor;
  /** `document.apply`, `key.create`, … */
  readonly action: string;
  /** `document`, `consumer/shop`, `key/4fT…`. */
  readonly target: string;
  /** What was there; null where nothing was. */
  readonly before: unknown;
  /** What was to be there afterwards; null where nothing was. */
  readonly after: unknown;
  readonly comment: string | null;
  readonly request_id: string;
}

/** What became of a change: `made`, `refused` (somebody else was faster), or `unknown` (the store did not answer). */
export interface AuditOutcome {
  readonly id: string;
  readonly at: number;
  readonly outcome: 'made' | 'refused' | 'unknown';
  /** Revision that the change made; null where it made none. */
  readonly revision: number | null;
}

/** Members whose text is a secret, or lets somebody check one. */
const secretMembers = new Set([
  'hash',
  'secret',
  'client_secret',
  'cookie_key',
  'password',
  'token',
  'authorization',
]);
export const redactedText = '[redacted]';

/** A copy without the text of secrets. References to secrets, `{env: NAME}`, stay. */
export function redacted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(redacted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name,
      secretMembers.has(name) && typeof member === 'string' ? redactedText : redacted(member),
    ]),
  );
}
