/** A JSON Pointer (RFC 6901 section 3) of the names and places in lists that lead to a value. */
export function jsonPointer(path: readonly PropertyKey[]): string {
  return path.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** What a token of a pointer stands for (RFC 6901 section 4). */
export function unescapeToken(token: string): string {
  return token.replaceAll('~1', '/').replaceAll('~0', '~');
}

/**
 * The names of a reference into its own document, `#/$defs/a%20b` (RFC 6901 section 6); undefined for any other
 * reference. A token with a bad percent escape stands for itself.
 */
export function fragmentTokens(reference: string): string[] | undefined {
  if (!/^#(?:\/|$)/.test(reference)) return undefined;
  return reference
    .split('/')
    .slice(1)
    .map((token) => unescapeToken(percentDecoded(token)));
}

/** What lies there in a JSON value; undefined where nothing does. Only own members count. */
export function valueAt(root: unknown, tokens: readonly string[]): unknown {
  let place = root;
  for (const token of tokens) {
    if (typeof place !== 'object' || place === null || !Object.hasOwn(place, token)) return undefined;
    place = (place as Record<string, unknown>)[token];
  }
  return place;
}

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
