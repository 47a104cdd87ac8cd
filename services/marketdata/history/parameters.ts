import { intervals, isSymbol, maxTs, symbolRule } from '@sluice/market';
import { pageQuery, z } from '@sluice/service';
import type { Order } from '../store/mod.ts';
import { badParameter } from './failure.ts';
import { parseTime, timeRule } from './time.ts';

/** Rows of a page. */
export const defaultLimit = 100;
export const maxLimit = 1_000;

export const symbolParams = z.object({
  symbol: z
    .string()
    .refine(isSymbol, { error: `must be ${symbolRule}` })
    .meta({ description: `Symbol of the market: ${symbolRule}.`, examples: ['BTCUSDT'] }),
});

const { limit, cursor } = pageQuery({ defaultLimit, maxLimit, maxCursor: 300 });

const time = (description: string) =>
  z
    .string()
    .transform((text, context) => {
      const value = parseTime(text);
      if (value !== undefined) return value;
      context.addIssue(`must be ${timeRule}`);
      return z.NEVER;
    })
    .optional()
    .meta({ description, examples: ['1723161255342', '2024-08-08T23:54:15.342Z'] });

const order = (fallback: Order) =>
  z
    .enum(['asc', 'desc'], { error: 'must be asc or desc' })
    .default(fallback)
    .meta({ description: '`asc`: oldest (or first by name) first; `desc`: the other way round.' });

/** Lists of rows with a time. Newest first, as people ask for the latest most of the time. */
export const rangeQuery = {
  limit,
  cursor,
  from: time('Begin of the range, inclusive. Milliseconds or ISO 8601.'),
  to: time('End of the range, exclusive. Milliseconds or ISO 8601.'),
  order: order('desc'),
};

/** Lists of markets. */
export const nameQuery = { limit, cursor, order: order('asc') };

export const symbolsFilter = z
  .string()
  .transform((text, context) => {
    const symbols = text.split(',');
    if (symbols.length <= maxLimit && symbols.every(isSymbol)) return symbols;
    context.addIssue(`must be a list of symbols with commas between them, each ${symbolRule}`);
    return z.NEVER;
  })
  .optional()
  .meta({
    description: 'Only these markets, with commas between them; those without trades are left out.',
    examples: ['BTCUSDT,ETHUSDT'],
  });

export const intervalQuery = z
  .enum(intervals as [(typeof intervals)[number], ...(typeof intervals)[number][]], {
    error: `must be one of ${intervals.join(', ')}; 1m is a minute and 1M a month`,
  })
  .default('1m')
  .meta({
    description: 'Length of the candles. Days, weeks (from Monday) and months begin at midnight UTC.',
  });

export const flag = (description: string) =>
  z
    .enum(['true', 'false'], { error: 'must be true or false' })
    .default('false')
    .transform((text) => text === 'true')
    .meta({ type: 'boolean', default: false, description });

/** The range of a query; everything where it is not given. Throws `invalid_parameters` naming `from`. */
export function rangeOf(query: { from?: number | undefined; to?: number | undefined }): {
  from: number;
  to: number;
} {
  const range = { from: query.from ?? 0, to: query.to ?? maxTs };
  if (range.from > range.to) throw badParameter('from', 'must not be later than `to`');
  return range;
}
