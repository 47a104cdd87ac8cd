import { z } from 'zod';

export interface PageOptions {
  /** Rows without `limit`. */
  readonly defaultLimit: number;
  /** Rows at most, below a million. */
  readonly maxLimit: number;
  /** Characters that a cursor may have. */
  readonly maxCursor: number;
}

/** Query parameters `limit` and `cursor` of a list that is read page by page. */
export function pageQuery({ defaultLimit, maxLimit, maxCursor }: PageOptions) {
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
  const cursor = z.string().max(maxCursor, 'is not a cursor').optional().meta({
    description: 'Value of `next` of the page before, with the same parameters (`limit` may differ).',
  });
  return { limit, cursor };
}
