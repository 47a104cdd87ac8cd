import type { FieldError } from '@sluice/errors';

/** Deeper than any document people write, and shallow enough for every parser behind the gateway. */
export const mostDepth = 64;

const utf8 = new TextDecoder('utf-8', { fatal: true });
const openObject = 0x7b;
const closeObject = 0x7d;
const openList = 0x5b;
const closeList = 0x5d;
const quote = 0x22;
const backslash = 0x5c;

export type JsonBody = { readonly value: unknown } | { readonly error: FieldError };

/**
 * Reads a body as JSON (RFC 8259) the way every reader behind the gateway would: UTF-8 without exceptions, no deeper
 * than {@link mostDepth}, and without keys that some readers take for a prototype.
 */
export function parseJsonBody(bytes: Uint8Array): JsonBody {
  if (depthOf(bytes) > mostDepth) return fault(`is nested deeper than ${mostDepth}`);
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
  return { value };
}

function fault(detail: string): JsonBody {
  return { error: { in: 'body', pointer: '', detail } };
}

/** Deepest nesting of brackets outside of strings; found before parsing, because a parser has to build what it finds. */
function depthOf(bytes: Uint8Array): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (inString) {
      if (byte === backslash) i++;
      else if (byte === quote) inString = false;
    } else if (byte === quote) inString = true;
    else if (byte === openObject || byte === openList) {
      if (++depth > deepest) deepest = depth;
      if (depth > mostDepth) return depth;
    } else if (byte === closeObject || byte === closeList) depth--;
  }
  return deepest;
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
