import { hash } from 'node:crypto';

const hashLength = 22;

/**
 * What of a caller is in a counter's name: the first 22 characters of the SHA-256 in base64url. Client addresses, subjects
 * and header values go into it, so they are neither readable in the bucket nor able to make names of any length. 132 bits:
 * nobody finds two values that count together.
 */
export function hashKey(text: string): string {
  return hash('sha256', text, 'base64url').slice(0, hashLength);
}

/** Key of one slot's counter; `counter` is `<policy>.<hash>`. The window is in it: slots of another length are others. */
export function slotKey(counter: string, windowMs: number, slot: number): string {
  return `${counter}.${windowMs}.${slot}`;
}

/** Key of a quota's counter; `counter` is `<consumer>.<quota>`, and so readable with `nats kv get usage …`. */
export function usageKey(counter: string, period: string): string {
  return `${counter}.${period}`;
}
