import { createHash } from 'node:crypto';

const hashBytes = 16;

/**
 * What of a caller is in a counter's name: 22 characters of base64url. Client addresses, subjects and header values go
 * into it, so they are neither readable in the bucket nor able to make names of any length. Sixteen bytes of SHA-256:
 * nobody finds two values that count together.
 */
export function hashKey(text: string): string {
  return createHash('sha256').update(text).digest().toString('base64url', 0, hashBytes);
}

/** Key of one slot's counter; `counter` is `<policy>.<hash>`. The window is in it: slots of another length are others. */
export function slotKey(counter: string, windowMs: number, slot: number): string {
  return `${counter}.${windowMs}.${slot}`;
}

/** Key of a quota's counter; `counter` is `<consumer>.<quota>`, and so readable with `nats kv get usage …`. */
export function usageKey(counter: string, period: string): string {
  return `${counter}.${period}`;
}
