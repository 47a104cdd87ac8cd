import type { Database } from './database.ts';

/**
 * Numbers of markets and venues, remembered: rows of both are made once and never change or vanish. Forgotten when the
 * database went away, because what comes back may be another one.
 */
export class Markets {
  readonly #database: Database;
  /** Markets that have trades. */
  readonly #found = new Map<string, number>();
  /** Markets that can be written to; a new one has no trades until its first batch is committed. */
  readonly #markets = new Map<string, number>();
  readonly #venues = new Map<string, number>();
  readonly #pairs = new Set<string>();

  constructor(database: Database) {
    this.#database = database;
    database.onAway(() => this.forget());
  }

  forget(): void {
    this.#found.clear();
    this.#markets.clear();
    this.#venues.clear();
    this.#pairs.clear();
  }

  /** The market's number, or undefined when nothing was ever stored under the symbol. */
  async find(symbol: string): Promise<number | undefined> {
    const known = this.#found.get(symbol);
    if (known !== undefined) return known;
    const [row] = await this.#database.read(
      { name: 'market_id', text: 'SELECT id FROM market WHERE symbol = $1 AND trades > 0' },
      [symbol],
    );
    if (!row) return undefined;
    this.#found.set(symbol, row[0] as number);
    return row[0] as number;
  }

  /** The venue whose trades came first under the symbol, or undefined. */
  async firstVenue(symbol: string): Promise<string | undefined> {
    const [row] = await this.#database.read(
      {
        name: 'market_first_venue',
        text: `SELECT v.name FROM market m JOIN market_venue mv ON mv.market_id = m.id
               JOIN venue v ON v.id = mv.venue_id WHERE m.symbol = $1 ORDER BY v.id LIMIT 1`,
      },
      [symbol],
    );
    return row?.[0] as string | undefined;
  }

  /** Numbers for writing; rows that are missing are made. Takes every (venue, symbol) of a batch. */
  async numbersOf(
    pairs: ReadonlyMap<string, { readonly venue: string; readonly symbol: string }>,
  ): Promise<(pair: { venue: string; symbol: string }) => { market: number; venue: number }> {
    const missing = [...pairs].filter(([key]) => !this.#pairs.has(key)).map(([, pair]) => pair);
    if (missing.length > 0) await this.#make(missing);
    return ({ venue, symbol }) => ({
      market: this.#markets.get(symbol) as number,
      venue: this.#venues.get(venue) as number,
    });
  }

  async #make(pairs: readonly { readonly venue: string; readonly symbol: string }[]): Promise<void> {
    const symbols = [...new Set(pairs.map(({ symbol }) => symbol))].sort();
    const venues = [...new Set(pairs.map(({ venue }) => venue))].sort();
    const [markets, venueRows] = await this.#database.write(async ({ run }) => {
      await run(makeMarkets, [symbols]);
      await run(makeVenues, [venues]);
      await run(makePairs, [pairs.map(({ symbol }) => symbol), pairs.map(({ venue }) => venue)]);
      return [await run(marketNumbers, [symbols]), await run(venueNumbers, [venues])] as const;
    });
    for (const [symbol, id] of markets) this.#markets.set(symbol as string, id as number);
    for (const [name, id] of venueRows) this.#venues.set(name as string, id as number);
    for (const { venue, symbol } of pairs) this.#pairs.add(pairKey(venue, symbol));
  }
}

/** One string per venue and symbol; neither may hold a dot. */
export function pairKey(venue: string, symbol: string): string {
  return `${venue}.${symbol}`;
}

// Only what is missing is inserted: ON CONFLICT alone would use up a number per try. Sorted, so that two replicas wait
// for each other in one direction.
const makeMarkets = {
  name: 'make_markets',
  text: `INSERT INTO market (symbol)
         SELECT s FROM unnest($1::text[]) s WHERE NOT EXISTS (SELECT FROM market WHERE symbol = s) ORDER BY s
         ON CONFLICT DO NOTHING`,
};
const makeVenues = {
  name: 'make_venues',
  text: `INSERT INTO venue (name)
         SELECT v FROM unnest($1::text[]) v WHERE NOT EXISTS (SELECT FROM venue WHERE name = v) ORDER BY v
         ON CONFLICT DO NOTHING`,
};
const makePairs = {
  name: 'make_pairs',
  text: `INSERT INTO market_venue (market_id, venue_id)
         SELECT m.id, v.id FROM unnest($1::text[], $2::text[]) p(symbol, name)
         JOIN market m USING (symbol) JOIN venue v USING (name) ORDER BY 1, 2
         ON CONFLICT DO NOTHING`,
};
const marketNumbers = {
  name: 'market_numbers',
  text: 'SELECT symbol, id FROM market WHERE symbol = ANY($1)',
};
const venueNumbers = { name: 'venue_numbers', text: 'SELECT name, id FROM venue WHERE name = ANY($1)' };
