/** Deeper than any document people write, and shallow enough for every reader behind the gateway and in front of it. */
export const mostJsonDepth = 64;

const openObject = 0x7b;
const closeObject = 0x7d;
const openList = 0x5b;
const closeList = 0x5d;
const quote = 0x22;
const colon = 0x3a;
const backslash = 0x5c;

/**
 * Deepest nesting of brackets in the text of a JSON document, and the number of its members: colons, both outside of
 * strings. Found before parsing, because a parser has to build what it finds, and most that is done with a value is
 * recursive. Stops where the text is deeper than {@link mostJsonDepth}; `members` is too small then.
 */
export function jsonShape(bytes: Uint8Array): { readonly depth: number; readonly members: number } {
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
      if (depth > mostJsonDepth) break;
    } else if (byte === closeObject || byte === closeList) depth--;
    else if (byte === colon) members++;
  }
  return { depth: deepest, members };
}
