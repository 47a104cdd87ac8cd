/** What may go wrong, as chances per message or per second. All zero: a network that only takes its time. */
export interface Weather {
  /** Slowest ordinary message, milliseconds. */
  readonly delayMs: number;
  /** Messages that take up to sixty times as long. */
  readonly slow: number;
  readonly loss: number;
  /** Reads that an outdated replica answers. */
  readonly stale: number;
  /** Of each worker, per second; likewise the next two. */
  readonly workerKills: number;
  readonly edgeKills: number;
  readonly natsRestarts: number;
}

export const calm: Weather = {
  delayMs: 3,
  slow: 0,
  loss: 0,
  stale: 0,
  workerKills: 0,
  edgeKills: 0,
  natsRestarts: 0,
};
