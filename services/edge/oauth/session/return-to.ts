const longest = 1_024;

/**
 * Where a browser goes after its login: a path of this origin, or null for anything that could lead elsewhere. What is
 * given back was written by the URL parser that browsers have, not by whoever sent it: `//evil`, `/\evil`, `/%0d…`,
 * tabs and newlines that parsers drop, and full addresses of other hosts all end here.
 */
export function safeReturnTo(text: string, origin: string): string | null {
  // oxlint-disable-next-line no-control-regex
  if (text.length > longest || !text.startsWith('/') || /[\\\u0000-\u0020\u007f]/.test(text)) return null;
  if (text.startsWith('//') || !URL.canParse(text, origin)) return null;
  const url = new URL(text, origin);
  if (url.origin !== origin || url.pathname.startsWith('//')) return null;
  // A login that ends in another login, or in a logout page, would go round in circles.
  if (url.pathname.startsWith('/auth/')) return null;
  return url.pathname + url.search + url.hash;
}
