import { SluiceError } from '@sluice/errors';
import { pageQuery as queryOfPages, z } from '@sluice/service';

/** Query parameters of every list. */
export const pageQuery = queryOfPages({ defaultLimit: 100, maxLimit: 500, maxCursor: 100 });

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
