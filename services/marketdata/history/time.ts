import { isTs, maxTs } from '@sluice/market';

/** The grammar in words, for error messages. */
export const timeRule =
  'a time between 1970 and 2100: integer milliseconds since the epoch, or ISO 8601 such as 2024-08-08T23:54:15.342Z';

const digits = /^\d{1,15}$/;
/** A plus sign that nobody escaped arrives as a space: in this place it can mean nothing else. */
const iso =
  /^(\d{4})-(\d{2})-(\d{2})(?:[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?(?:([Zz])|([+\- ])(\d{2}):?(\d{2}))?)?$/;

/**
 * Milliseconds since the epoch of integer milliseconds or an ISO 8601 date or date-time; without an offset it is UTC.
 * What lies below a millisecond is cut off. Undefined for anything else, days that no calendar has included.
 */
export function parseTime(text: string): number | undefined {
  if (digits.test(text)) return inRange(Number(text));
  const match = iso.exec(text);
  if (!match) return undefined;
  const field = (index: number): number => Number(match[index] ?? 0);
  const [year, month, day, hour, minute, second] = [1, 2, 3, 4, 5, 6].map(field) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const ms = Number((match[7] ?? '').slice(0, 3).padEnd(3, '0'));
  if (hour > 23 || minute > 59 || second > 59 || field(10) > 23 || field(11) > 59) return undefined;
  // Field by field, because Date.UTC takes the years 0 to 99 for 1900 to 1999.
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second, ms);
  // The 30th of February would come out as a day of March.
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  const offset = (field(10) * 60 + field(11)) * 60_000;
  return inRange(date.getTime() + (match[9] === '-' ? offset : -offset));
}

/** `maxTs` itself is allowed: as an end it means everything. */
function inRange(ts: number): number | undefined {
  return isTs(ts) || ts === maxTs ? ts : undefined;
}
