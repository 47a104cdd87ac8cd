/** A page of a list, as JSON text made by the database: nothing on the way parses or copies the rows. */
export interface Page<Position> {
  /** The rows' JSON objects with commas between them; empty when there are none. */
  readonly rows: string;
  /** Position of the last row when more follow, else null. */
  readonly next: Position | null;
}

export type Order = 'asc' | 'desc';

/** Milliseconds; `from` inclusive, `to` exclusive. */
export interface Range {
  readonly from: number;
  readonly to: number;
}
