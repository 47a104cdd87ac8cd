/**
 * Advisory locks, as (class, object). Every lock that a process takes is listed here, because the space is shared with
 * everybody else who uses the database.
 */
export const locks = {
  /** Held by a transaction that writes trades; object: the market's id modulo `marketSlots`. */
  market: 0x534c01,
  /** Housekeeping; object: one of the following. */
  housekeeping: 0x534c02,
} as const;

/** Markets share locks: a batch may hold trades of thousands, and the server has room for some thousand locks in all. */
export const marketSlots = 256;

export const housekeeping = { migrate: 1, partitions: 2, retention: 3, horizon: 4 } as const;
