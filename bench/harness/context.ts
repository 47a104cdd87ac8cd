import type { TestNats } from '@sluice/testing';
import type { Processes } from './process.ts';

/** What a scenario works with. */
export interface Context {
  readonly processes: Processes;
  /** A smoke run: every scenario a few seconds, figures only indicative. */
  readonly quick: boolean;
  /** Scratch directory of this run. */
  readonly directory: string;
  /** A nats-server for one contender; stopped at the end of the run at the latest. */
  readonly startNats: (config?: string) => Promise<TestNats>;
  /** One line for whoever watches. */
  readonly say: (line: string) => void;
}

/** What a row has to show. */
export type Target =
  | { readonly kind: 'at most' | 'at least'; readonly value: number; readonly of: 'value' | 'floor' | 'peer' }
  | undefined;

export interface Row {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** Value divided by the floor's and by the peer's, of the same run. */
  readonly floor?: number;
  readonly peer?: number;
  readonly targets?: readonly NonNullable<Target>[];
}

/** One scenario's part of the result page. */
export interface Section {
  readonly title: string;
  /** What was done, in a sentence or two. */
  readonly method: string;
  readonly rows: readonly Row[];
  /** Further tables or remarks, as Markdown. */
  readonly details?: string;
}

export interface Scenario {
  readonly name: string;
  run(context: Context): Promise<Section>;
}
