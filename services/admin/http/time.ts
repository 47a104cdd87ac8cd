import { parseIsoTime } from '@sluice/config';
import { z } from '@sluice/service';

/** Latest moment that a date can hold (ECMAScript section 21.4.1.1). */
const lastMoment = 8_640_000_000_000_000;
const rule =
  'must be milliseconds since 1970 (UTC), or ISO 8601 with a time zone such as 2027-01-31T00:00:00Z';

function parse(value: string | number): number {
  if (typeof value === 'number') return value;
  if (/^\d{1,16}$/.test(value)) return Number(value);
  return parseIsoTime(value) ?? Number.NaN;
}

/** A moment in a body or query: milliseconds or ISO 8601 text in, milliseconds out. */
export const moment = (description: string) =>
  z
    .union([z.int(), z.string()], { error: rule })
    .transform((value, context) => {
      const time = parse(value);
      if (Number.isInteger(time) && time >= 0 && time <= lastMoment) return time;
      context.addIssue(rule);
      return z.NEVER;
    })
    .meta({ description, examples: ['2027-01-31T00:00:00Z'] });

/** A moment in answers. */
export const milliseconds = (description: string) =>
  z
    .int()
    .meta({ description: `${description}, milliseconds since 1970 (UTC).`, examples: [1_798_675_200_000] });
