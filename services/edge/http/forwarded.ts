/** One hop of a `Forwarded` field. */
export interface ForwardedHop {
  /** The address in `for`, without brackets and port; null where there is none: `unknown`, `_name`, or not well formed. */
  readonly address: string | null;
  /** Lower case; null where the hop does not say. */
  readonly proto: string | null;
}

const broken: ForwardedHop = { address: null, proto: null };
/** `name=value;`, the value a token or a quoted string. Ports and brackets are taken without quotes too: they are plain. */
const pair = /\s*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)=(?:([^\s",;=\\]+)|"([^"\\]*)")\s*(?:;|$)/y;
const v4 = /^(\d{1,3}(?:\.\d{1,3}){3})(?::[0-9]{1,5}|:_[\w.-]+)?$/;
const v6 = /^\[([0-9A-Fa-f:.]+)\](?::[0-9]{1,5}|:_[\w.-]+)?$/;

/**
 * The hops of a `Forwarded` field (RFC 7239), the nearest first. It is read from its right end, because only that was written by a
 * proxy of ours: with `for="` a client could open a quoted string that swallows what proxies add behind it, if one read
 * from the left. Lazy: whoever has found the client need not look at what that client has invented.
 */
export function* forwardedHops(value: string): Generator<ForwardedHop> {
  let end = value.length;
  while (end >= 0) {
    const comma = lastComma(value, end);
    yield hop(value.slice(comma + 1, end));
    end = comma;
  }
}

/** Position of the last comma before `end` that is in no quoted string, as seen from the right; -1 when there is none. */
function lastComma(value: string, end: number): number {
  let quoted = false;
  for (let i = end - 1; i >= 0; i--) {
    const char = value[i];
    if (char === '"') quoted = !quoted;
    else if (char === ',' && !quoted) return i;
  }
  return -1;
}

function hop(text: string): ForwardedHop {
  let address: string | null = null;
  let proto: string | null = null;
  const seen = new Set<string>();
  pair.lastIndex = 0;
  while (pair.lastIndex < text.length) {
    const match = pair.exec(text);
    if (!match) return broken;
    const name = (match[1] as string).toLowerCase();
    const value = match[2] ?? match[3] ?? '';
    // RFC 7239 section 4: each parameter at most once.
    if (seen.has(name)) return broken;
    seen.add(name);
    if (name === 'for') address = (v4.exec(value) ?? v6.exec(value))?.[1] ?? null;
    else if (name === 'proto') proto = value.toLowerCase();
  }
  return { address, proto };
}
