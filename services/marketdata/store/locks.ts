/**
 * Advisory locks, as (class, object). Every lock that a process takes is listed here, because the space is shared with
 * everybody else who uses the database.
 */
export const locks = {
  /** One per market, held by a transaction that writes its trades; object: the market's id. */
  market: 0x534c01,
  /** Housekeeping; object: one of the following. */
  housekeeping: 0x534c02,
} as const;

export const housekeeping = { migrate: 1, partitions: 2, retention: 3 } as const;
