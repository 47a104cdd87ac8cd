import type { FieldError } from '@sluice/errors';
import { jsonShape, mostJsonDepth } from '@sluice/wire';

const utf8 = new TextDecoder('utf-8', { fatal: true });

export type JsonBody = { readonly value: unknown } | { readonly error: FieldError };

/**
 * Reads a body as JSON (RFC 8259) the way every reader behind the gateway would: UTF-8 without exceptions, no deeper
 * than {@link mostJsonDepth}, without keys that some readers take for a prototype, and without a key twice in one object:
 * some readers take the first value, others the last one, which alone is checked here (RFC 8259 section 4).
 */
export function parseJsonBody(bytes: Uint8Array): JsonBody {
  const { depth, members } = jsonShape(bytes);
  if (depth > mostJsonDepth) return fault(`is nested deeper than ${mostJsonDepth}`);
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
