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

/** The ways to prove who one is. A route lists those it takes; they are tried in the order of the list. */
export const authMethods = ['key', 'jwt', 'oauth', 'session'] as const;
export type AuthMethod = (typeof authMethods)[number];

/** Names of policies, lists, consumers and roles: they become parts of metrics, headers and KV keys. */
export const namePattern = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;
/** RFC 6749 section 3.3, without the characters that make headers ambiguous. */
export const scopePattern = /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$/;
export const mediaTypePattern = /^[a-z0-9.+-]+\/(?:[a-z0-9.+-]+|\*)$/;
export const largestCost = 1_000;
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

/** `sluice.schema.` answers schemas, and who may have a route to `sluice.admin.` is decided where routes are compiled. */
const reserved =
  /^(?:\$|_INBOX|_R_\.|sluice\.(?!schema\.|admin\.)|market\.(?:trade|quote)\.|live\.(?:in|out)\.|audit\.)/;

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
export function auth(values: readonly string[]): 'public' | AuthMethod[] {
  const names = [...new Set(values.map((value) => value.trim()).filter((value) => value !== ''))];
  if (names.length === 0) throw new FactError('auth names no method');
  if (names.includes('public') && names.length > 1)
    throw new FactError('auth cannot be public and ask for credentials');
  if (names[0] === 'public') return 'public';
  return names.map((name) => {
    const method = authMethods.find((known) => known === name);
    if (method === undefined)
      throw new FactError(`"${clip(name)}" is no way to prove who one is: ${authMethods.join(', ')}`);
    return method;
  });
}

/** Names of roles, limits and CORS policies, each once. */
export function names(values: readonly string[]): string[] {
  for (const value of values)
    if (!namePattern.test(value)) throw new FactError(`"${clip(value)}" is not a name`);
  return [...new Set(values)];
}

/** Scopes as OAuth 2.0 has them, each once. */
export function scopes(values: readonly string[]): string[] {
  for (const value of values)
    if (!scopePattern.test(value)) throw new FactError(`"${clip(value)}" is not a scope`);
  return [...new Set(values)];
}

/** Tokens that a call spends of each limit. */
export function cost(value: string): number {
  const tokens = /^\d{1,4}$/.test(value) ? Number(value) : 0;
  if (tokens < 1 || tokens > largestCost)
    throw new FactError(`"${clip(value)}" is not a number from 1 to ${largestCost}`);
  return tokens;
}

/** Media types in lower case, `type/*` allowed, each once. */
export function mediaTypes(values: readonly string[]): string[] {
  const types = values.map((value) => value.toLowerCase());
  for (const type of types)
    if (!mediaTypePattern.test(type)) throw new FactError(`"${clip(type)}" is not a media type`);
  return [...new Set(types)];
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
