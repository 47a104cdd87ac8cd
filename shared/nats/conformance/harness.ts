import { afterAll, afterEach, beforeAll } from 'vitest';
import type { Bus, BusEvent } from '../mod.ts';

/** What the conformance suite needs to know of an implementation of {@link Bus}. */
export interface BusHarness {
  /** A new connection to the same server, as another process would have it. */
  connect(report: (event: BusEvent) => void): Promise<Bus>;
  /** Ends the server without warning. */
  kill(): Promise<void>;
  /** Starts it again where it was. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export type HarnessFactory = () => Promise<BusHarness>;

/** The server of a group of tests, and the buses of the running one. */
export interface Bench {
  connect(): Promise<Bus>;
  kill(): Promise<void>;
  restart(): Promise<void>;
  /** What all buses of this test have reported. */
  readonly events: BusEvent[];
}

/** Starts a server for the surrounding `describe`; every bus is closed after its test. */
export function useBench(factory: HarnessFactory): Bench {
  let harness: BusHarness;
  const buses: Bus[] = [];
  const events: BusEvent[] = [];
  beforeAll(async () => {
    harness = await factory();
  });
  afterAll(() => harness.stop());
  afterEach(async () => {
    await Promise.all(buses.splice(0).map((bus) => bus.close(1_000)));
    events.length = 0;
  });
  return {
    events,
    connect: async () => {
      const bus = await harness.connect((event) => events.push(event));
      buses.push(bus);
      return bus;
    },
    kill: () => harness.kill(),
    restart: () => harness.restart(),
  };
}

/** A deadline far enough away that only a hanging request meets it. */
export const soon = (): number => Date.now() + 10_000;
