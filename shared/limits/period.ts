/** Quotas count by calendar day or month, UTC. */
export type PeriodKind = 'day' | 'month';

export interface Period {
  /** `2026-11-21` or `2026-11`: last part of the counter's name. */
  readonly name: string;
  /** Milliseconds since the epoch; the end is the beginning of the next one. */
  readonly start: number;
  readonly end: number;
}

/** The period that a time (milliseconds since the epoch) lies in. */
export function periodAt(timeMs: number, kind: PeriodKind): Period {
  const at = new Date(timeMs);
  const [year, month, day] = [at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate()];
  const [start, end] =
    kind === 'day'
      ? [Date.UTC(year, month, day), Date.UTC(year, month, day + 1)]
      : [Date.UTC(year, month), Date.UTC(year, month + 1)];
  return { name: new Date(start).toISOString().slice(0, kind === 'day' ? 10 : 7), start, end };
}
