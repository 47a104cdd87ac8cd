const iso =
  /^(\d{4})-(\d\d)-(\d\d)T(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,3})?)?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;

/**
 * A moment as people write it: ISO 8601 with a time and a zone, `2027-01-31T00:00:00Z`. Milliseconds since the epoch;
 * undefined for anything else, days that no calendar has included. `Date.parse` alone takes `7` for a month of 2001 and
 * the 30th of February for a day of March.
 */
export function parseIsoTime(text: string): number | undefined {
  const match = iso.exec(text);
  if (!match) return undefined;
  const [year, month, day] = match.slice(1).map(Number) as [number, number, number];
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  return Date.parse(text);
}
