import { TextMap } from '@sluice/wire';
import type { QueryValues } from './endpoint.ts';

const none: QueryValues = Object.freeze(new TextMap<string | string[]>());

/**
 * Reads a raw query string as forms write it (WHATWG URL, application/x-www-form-urlencoded): `+` is a space, a
 * repeated name gives a list. Names in `lists` give a list even when they appear once. Throws URIError with the name
 * of the parameter for a bad escape. The result inherits nothing, so `__proto__` is a name like any other.
 */
export function parseQuery(query: string, lists: ReadonlySet<string>): QueryValues {
  if (query === '') return none;
  const values = new TextMap<string | string[]>();
  for (const pair of query.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = decode(equals < 0 ? pair : pair.slice(0, equals), pair);
    const value = equals < 0 ? '' : decode(pair.slice(equals + 1), name);
    const present = values[name];
    if (present === undefined) values[name] = lists.has(name) ? [value] : value;
    else if (Array.isArray(present)) present.push(value);
    else values[name] = [present, value];
  }
  return values;
}

function decode(text: string, name: string): string {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text;
  if (!spaced.includes('%')) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch {
    throw new URIError(name);
  }
}
