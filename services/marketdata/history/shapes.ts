import { z } from '@sluice/service';

/** What answers look like, for the API reference. The text itself is made by the database or from canonical parts. */

const decimal = (description: string) => z.string().meta({ description, examples: ['61837.63'] });
const ms = (description: string) =>
  z
    .number()
    .int()
    .meta({ description, examples: [1723161255342] });

export const tradeShape = z.object({
  id: z.string().meta({ description: 'Id of the trade at its venue.', examples: ['3735683259'] }),
  ts: ms('Time of the trade, milliseconds UTC.'),
  price: decimal('Price.'),
  size: decimal('Size in units of the base asset.'),
  side: z.enum(['buy', 'sell']).meta({ description: 'Side of the taker.' }),
});

export const candleShape = z.object({
  ts: ms('Start of the candle, milliseconds UTC.'),
  open: decimal('Price of the first trade.'),
  high: decimal('Highest price.'),
  low: decimal('Lowest price.'),
  close: decimal('Price of the last trade.'),
  volume: decimal('Sum of sizes.'),
  quote_volume: decimal('Sum of price × size.'),
  trades: z.number().int().meta({ description: 'Number of trades.' }),
});

export const marketShape = z.object({
  symbol: z.string(),
  venues: z.array(z.string()).meta({ description: 'Where its trades took place, by name.' }),
  trades: z.number().int().meta({ description: 'Number of trades ever stored.' }),
  first_ts: ms('Time of the first trade.'),
  last_ts: ms('Time of the last trade.'),
  last: decimal('Price of the last trade.'),
});

export const tickerShape = z.object({
  symbol: z.string(),
  ts: ms('Time of the last trade.'),
  last: decimal('Price of the last trade.'),
  last_size: decimal('Its size.'),
  side: z.enum(['buy', 'sell']).meta({ description: 'Side of its taker.' }),
  open: decimal('First price of the day that ends with the minute of the last trade.'),
  high: decimal('Highest price of that day.'),
  low: decimal('Lowest price of that day.'),
  volume: decimal('Sum of sizes of that day.'),
  quote_volume: decimal('Sum of price × size of that day.'),
  trades: z.number().int().meta({ description: 'Trades of that day.' }),
  change: decimal('last − open.'),
});

export const listOf = (row: z.ZodType) =>
  z.object({
    data: z.array(row),
    next: z.string().nullable().meta({ description: 'Cursor of the next page; null on the last one.' }),
  });
