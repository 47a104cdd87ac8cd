import {
  canonicalPositive,
  decimalRule,
  isTradeId,
  isTs,
  isVenue,
  maxTs,
  numberText,
  tradeIdRule,
  venueRule,
} from '@sluice/market';
import { z } from '@sluice/service';
import { parseTime, timeRule } from './time.ts';

/** Trades in one request. */
export const maxTrades = 1_000;

/** A member that may come as text or as a number; anything else gets the member's own rule as its message. */
const textOrNumber = (rule: string) => z.union([z.string(), z.number()], { error: rule });

const decimal = (description: string) => {
  const rule = `must be ${decimalRule}, above zero; as a string where a JSON number would lose digits`;
  return textOrNumber(rule)
    .transform((value, context) => {
      const text = typeof value === 'number' ? numberText(value) : value;
      const canonical = text === undefined ? undefined : canonicalPositive(text);
      if (canonical !== undefined) return canonical;
      context.addIssue(rule);
      return z.NEVER;
    })
    .meta({ description });
};

const idRule = `must be ${tradeIdRule}, or an integer up to 2^53`;
const tsRule = `must be ${timeRule}`;

const trade = z.object({
  id: textOrNumber(idRule)
    .transform((value, context) => {
      const sound = typeof value === 'string' ? isTradeId(value) : Number.isSafeInteger(value) && value >= 0;
      if (sound) return String(value);
      context.addIssue(idRule);
      return z.NEVER;
    })
    .meta({ description: 'Id of the trade, unique at its venue; sending it again stores nothing new.' }),
  ts: textOrNumber(tsRule)
    .transform((value, context) => {
      const ts = typeof value === 'string' ? parseTime(value) : value;
      if (isTs(ts) && ts < maxTs) return ts;
      context.addIssue(tsRule);
      return z.NEVER;
    })
    .meta({
      description:
        'Time of the trade: integer milliseconds, or ISO 8601; a minute ahead of the present at most.',
    }),
  price: decimal('Price.'),
  size: decimal('Size in units of the base asset.'),
  side: z.enum(['buy', 'sell'], { error: 'must be buy or sell' }).meta({ description: "The taker's side." }),
});

/** The body of a batch. Every fault of every trade is named. */
export const tradesBody = z.object({
  trades: z
    .array(trade, { error: 'must be a list of trades' })
    .min(1, 'must hold at least one trade')
    .max(maxTrades, `must hold ${maxTrades} trades at most`),
  venue: z
    .string()
    .refine(isVenue, { error: `must be ${venueRule}` })
    .optional()
    .meta({
      description:
        'Where the trades took place. Default: the first venue known of this market, or `http` for a new one.',
    }),
});

export type TradesInput = z.output<typeof tradesBody>;

export const tradesAnswer = z.object({
  received: z.number().int().meta({ description: 'Trades in the request.' }),
  new: z.number().int().meta({ description: 'Trades not known before.' }),
  duplicates: z.number().int().meta({ description: 'Trades stored, or on their way to the store, already.' }),
});
