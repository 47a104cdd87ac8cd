import { METHODS } from 'node:http';
import { parseTemplate, TemplateError } from '@sluice/routes';

/**
 * The grammar of what people and services write about a route. Each function gives the checked value or throws
 * {@link FactError} with one sentence that names the value, so that declared and discovered routes mean the same.
 */
export class FactError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'FactError';
  }
}

/** RFC 9110 section 5.6.2. */
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}$/;
const longestTimeoutMs = 300_000;
const largestBodyLimit = 64 * 1024 * 1024;
const longestSubject = 255;
const longestText = 200;

/** Upper-case method that edges can receive, or `*`. CONNECT makes tunnels and TRACE echoes credentials: neither is for backends. */
export function method(value: string): string {
  const upper = value.toUpperCase();
  if (upper !== '*' && !METHODS.includes(upper)) throw new FactError(`"${clip(value)}" is not a method`);
  if (upper === 'CONNECT' || upper === 'TRACE') throw new FactError(`method ${upper} cannot be routed`);
  return upper;
}

export function path(value: string): string {
  if (value.length > 1024) throw new FactError('the path is longer than 1024 characters');
  try {
    parseTemplate(value);
  } catch (error) {
    if (error instanceof TemplateError) throw new FactError(error.message);
    throw error;
  }
  return value;
}

/** `GET /v1/orders/{id}`; the method may be left out and is GET then. */
export function methodAndPath(value: string): { method: string; path: string } {
  const parts = value.trim().split(/ +/);
  if (parts.length > 2) throw new FactError(`"${clip(value)}" is not a method and a path`);
  const [first, second] = parts as [string, string?];
  return second === undefined
    ? { method: 'GET', path: path(first) }
    : { method: method(first), path: path(second) };
}

/**
 * A subject that requests may be sent to. Server APIs, inboxes, stored event subjects and the gateway's own subjects
 * are refused: a route to them would lend every client the gateway's permissions, or call the router in a circle.
 */
export function subject(value: string): string {
  if (value.length > longestSubject)
    throw new FactError(`the subject is longer than ${longestSubject} bytes`);
  if (!/^[\x21-\x7e]+$/.test(value) || value.split('.').some((part) => part === ''))
    throw new FactError(`"${clip(value)}" is not a subject`);
  if (/[*>]/.test(value)) throw new FactError(`subject "${clip(value)}" has a wildcard`);
  if (reserved.test(value)) throw new FactError(`subject "${clip(value)}" is reserved`);
  return value;
}

const reserved =
  /^(?:\$|_INBOX\.|_R_\.|sluice\.(?:route|openapi|limit|cache)(?:\.|$)|market\.(?:trade|quote)\.|live\.(?:in|out)\.)/;

/** `2s`, `500ms`, `1m` → milliseconds, from 1 ms to 5 min. */
export function timeout(value: string): number {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m)$/.exec(value.trim());
  const unit = { ms: 1, s: 1_000, m: 60_000 }[match?.[2] as 'ms' | 's' | 'm'];
  const ms = match ? Math.round(Number(match[1]) * (unit ?? 1)) : 0;
  if (ms < 1 || ms > longestTimeoutMs)
    throw new FactError(`"${clip(value)}" is not a time between "1ms" and "5m"`);
  return ms;
}

export function bodyLimit(value: string | number): number {
  const bytes = typeof value === 'number' ? value : /^\d{1,9}$/.test(value.trim()) ? Number(value) : -1;
  if (!Number.isInteger(bytes) || bytes < 0 || bytes > largestBodyLimit)
    throw new FactError(`"${clip(String(value))}" is not a number of bytes up to ${largestBodyLimit}`);
  return bytes;
}

export function encoding(value: string): 'raw' | 'msgpack' {
  if (value !== 'raw' && value !== 'msgpack')
    throw new FactError(`encoding "${clip(value)}" is neither "raw" nor "msgpack"`);
  return value;
}

/** Who checks requests against an endpoint's schemas. */
export function validation(value: string): 'gateway' | 'service' {
  if (value !== 'gateway' && value !== 'service')
    throw new FactError(`"${clip(value)}" is neither "gateway" nor "service"`);
  return value;
}

/** Header field names in lower case, sorted, each once. */
export function headerNames(values: readonly string[]): string[] {
  if (values.length > 64) throw new FactError('more than 64 header fields are asked for');
  const names = new Set<string>();
  for (const value of values) {
    const name = value.trim().toLowerCase();
    if (!token.test(name)) throw new FactError(`"${clip(value)}" is not a header field name`);
    names.add(name);
  }
  return [...names].toSorted();
}

/** `public`, or the accepted methods in the order they were written. */
export function auth(values: readonly string[]): 'public' | string[] {
  const methods = [...new Set(values.map((value) => value.trim()).filter((value) => value !== ''))];
  if (methods.length === 0) throw new FactError('auth names no method');
  for (const name of methods)
    if (!/^[a-z][a-z0-9_-]{0,31}$/.test(name))
      throw new FactError(`auth method "${clip(name)}" is not a lower-case name`);
  if (!methods.includes('public')) return methods;
  if (methods.length > 1) throw new FactError('auth cannot be public and ask for credentials');
  return 'public';
}

/** One line of text for lists and the API reference. */
export function summary(value: string): string {
  return value.replace(/\s+/g, ' ').trim().slice(0, longestText);
}

/** Quotes foreign text into a sentence without letting it fill the log. */
function clip(value: string): string {
  const text = value.length > 80 ? `${value.slice(0, 80)}…` : value;
  return text.replace(/[\p{Cc}"]/gu, '?');
}
