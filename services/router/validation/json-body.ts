import type { FieldError } from '@sluice/errors';

/** Deeper than any document people write, and shallow enough for every parser behind the gateway. */
export const mostDepth = 64;

const utf8 = new TextDecoder('utf-8', { fatal: true });
const openObject = 0x7b;
const closeObject = 0x7d;
const openList = 0x5b;
const closeList = 0x5d;
const quote = 0x22;
const colon = 0x3a;
const backslash = 0x5c;

export type JsonBody = { readonly value: unknown } | { readonly error: FieldError };

/**
 * Reads a body as JSON (RFC 8259) the way every reader behind the gateway would: UTF-8 without exceptions, no deeper
 * than {@link mostDepth}, without keys that some readers take for a prototype, and without a key twice in one object:
 * some readers take the first value, others the last one, which alone is checked here (RFC 8259 section 4).
 */
export function parseJsonBody(bytes: Uint8Array): JsonBody {
  const { depth, members } = measure(bytes);
  if (depth > mostDepth) return fault(`is nested deeper than ${mostDepth}`);
  let text: string;
  let value: unknown;
  try {
    text = utf8.decode(bytes);
    value = JSON.parse(text);
  } catch {
    return fault('is not valid JSON in UTF-8');
  }
  // The cheap look first: hardly any body holds such a key, or an escape that could spell it.
  if (/__proto__|"constructor"|\\u/.test(text) && hasPrototypeKey(value))
    return fault('holds a key that names a prototype');
  if (members > 1 && membersOf(value) !== members) return fault('holds a key twice');
  return { value };
}

function fault(detail: string): JsonBody {
  return { error: { in: 'body', pointer: '', detail } };
}

/**
 * Deepest nesting of brackets, and the number of members: colons, both outside of strings. Found before parsing, because
 * a parser has to build what it finds. Stops where the text is too deep.
 */
function measure(bytes: Uint8Array): { readonly depth: number; readonly members: number } {
  let depth = 0;
  let deepest = 0;
  let members = 0;
  let inString = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (inString) {
      if (byte === backslash) i++;
      else if (byte === quote) inString = false;
    } else if (byte === quote) inString = true;
    else if (byte === openObject || byte === openList) {
      if (++depth > deepest) deepest = depth;
      if (depth > mostDepth) break;
    } else if (byte === closeObject || byte === closeList) depth--;
    else if (byte === colon) members++;
  }
  return { depth: deepest, members };
}

/** Members of every object in a value of bounded depth. */
function membersOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const children: unknown[] = Array.isArray(value) ? value : Object.values(value);
  let members = children === value ? 0 : children.length;
  for (const child of children) if (typeof child === 'object') members += membersOf(child);
  return members;
}

/** `__proto__` anywhere, or `constructor` with a `prototype` inside: what merging code copies onto every object. */
function hasPrototypeKey(root: unknown): boolean {
  const stack = [root];
  for (let value = stack.pop(); value !== undefined; value = stack.pop()) {
    if (typeof value !== 'object' || value === null) continue;
    if (Object.hasOwn(value, '__proto__')) return true;
    if (Object.hasOwn(value, 'constructor')) {
      const { constructor } = value as { constructor: unknown };
      if (typeof constructor === 'object' && constructor !== null && Object.hasOwn(constructor, 'prototype'))
        return true;
    }
    for (const child of Object.values(value))
      if (typeof child === 'object' && child !== null) stack.push(child);
  }
  return false;
}
