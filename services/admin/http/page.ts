import { SluiceError } from '@sluice/errors';
import { z } from '@sluice/service';

/** Rows of a page. */
const defaultLimit = 100;
const maxLimit = 500;

const limit = z
  .string()
  .default(String(defaultLimit))
  .transform((text, context) => {
    const value = /^\d{1,6}$/.test(text) ? Number(text) : 0;
    if (value >= 1 && value <= maxLimit) return value;
    context.addIssue(`must be an integer from 1 to ${maxLimit}`);
    return z.NEVER;
  })
  .meta({
    type: 'integer',
    minimum: 1,
    maximum: maxLimit,
    default: defaultLimit,
    description: 'Most rows of the page.',
  });

const cursor = z.string().max(100, 'is not a cursor').optional().meta({
  description: 'Value of `next` of the page before, with the same parameters (`limit` may differ).',
});

/** Query parameters of every list. */
export const pageQuery = { limit, cursor };

export const listOf = (row: z.ZodType) =>
  z.object({
    data: z.array(row),
    next: z.string().nullable().meta({ description: 'Cursor of the next page; null on the last one.' }),
  });

/** The number that a cursor is; `otherwise` without one. Throws SluiceError `invalid_parameters`. */
export function numberCursor(text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  if (!/^\d{1,15}$/.test(text)) throw badCursor();
  return Number(text);
}

export function badCursor(): SluiceError {
  return new SluiceError('invalid_parameters', 'The request is not what the endpoint expects.', {
    errors: [{ in: 'query', pointer: '/cursor', detail: 'is not a cursor that this list gave' }],
  });
}
