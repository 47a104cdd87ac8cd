/** A browser keeps 4 KiB of name, value and attributes (RFC 6265 section 6.1); what is larger disappears silently. */
export const largestCookie = 4_096;

export interface CookieRules {
  /** Only over TLS; the name then begins with `__Host-`, so that no other host of the domain can set it. */
  readonly secure: boolean;
  readonly sameSite: 'lax' | 'strict';
  /** Whole seconds; 0 takes the cookie away. */
  readonly maxAgeS: number;
}

/** RFC 6265bis section 4.1.3.2. */
export function cookieName(name: string, secure: boolean): string {
  return secure ? `__Host-${name}` : name;
}

/** The first value of that name in a `Cookie` field; null where there is none. */
export function cookieValue(field: string | null, name: string): string | null {
  if (field === null) return null;
  for (let at = field.indexOf(name); at !== -1; at = field.indexOf(name, at + 1)) {
    const after = at + name.length;
    if (field[after] !== '=' || !startsPair(field, at)) continue;
    const end = field.indexOf(';', after);
    return field.slice(after + 1, end === -1 ? undefined : end).trim();
  }
  return null;
}

function startsPair(field: string, at: number): boolean {
  let before = at - 1;
  while (before >= 0 && field[before] === ' ') before--;
  return before < 0 || field[before] === ';';
}

/** A `Set-Cookie` value for the whole host. Throws RangeError for one that browsers would not keep. */
export function setCookie(name: string, value: string, rules: CookieRules): string {
  const cookie =
    `${name}=${value}; Path=/; Max-Age=${rules.maxAgeS}; HttpOnly; ` +
    `SameSite=${rules.sameSite === 'strict' ? 'Strict' : 'Lax'}${rules.secure ? '; Secure' : ''}`;
  if (cookie.length > largestCookie)
    throw new RangeError(`cookie ${name} is larger than ${largestCookie} bytes`);
  return cookie;
}
