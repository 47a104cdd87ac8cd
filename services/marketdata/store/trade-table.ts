/** What differs between the editions: how the trades table gets and loses its parts. */
export interface TradeTable {
  /** Makes room for trades of these UTC days (their midnights, ms). Cheap when the room is there. */
  prepare(days: Iterable<number>): Promise<void>;
  /** Makes parts ahead of time and drops old ones; called at start and every hour by every replica. */
  maintain(now: number): Promise<void>;
  /** Forgets what it believes to exist: the database was away, or refused a row. */
  forget(): void;
}
