import type { Exchange } from './exchange.ts';
import { InFlight } from './in-flight.ts';
import { authenticate } from './phases/authenticate.ts';
import { canonicalise, type CanonicaliseOptions } from './phases/canonicalise.ts';
import { dispatch, type DispatchOptions } from './phases/dispatch.ts';
import { matchRoute, type MatchOptions } from './phases/match-route.ts';
import { receiveBody, type ReceiveOptions } from './phases/receive-body.ts';
import { record, type RecordOptions } from './phases/record.ts';
import { respond, type RespondOptions } from './phases/respond.ts';

/** A step of a request. It settles the exchange, leaves it to the next step, or throws (a SluiceError, as a rule). */
export type Phase = (exchange: Exchange) => void | Promise<void>;

/** A step that every exchange takes, whatever came before. It must not throw. */
export type FinalPhase = (exchange: Exchange) => void;

export interface Phases {
  readonly work: readonly Phase[];
  readonly finish: readonly FinalPhase[];
  readonly inFlight: InFlight;
}

export type LifecycleOptions = CanonicaliseOptions &
  MatchOptions &
  ReceiveOptions &
  DispatchOptions &
  RespondOptions &
  RecordOptions;

/** Every phase in its order. `docs/lifecycle.md` has the error exits, and the places of the phases still to come. */
export function edgePhases(options: LifecycleOptions): Phases {
  return {
    work: [
      canonicalise(options),
      matchRoute(options),
      authenticate(),
      receiveBody(options),
      dispatch(options),
    ],
    finish: [respond(options), record(options)],
    inFlight: new InFlight(),
  };
}

/** Takes an exchange through the phases. Nothing is allocated for phases that finish at once: most of them do. */
export function runPhases(phases: Phases, exchange: Exchange): void {
  phases.inFlight.begin();
  advance(phases, exchange, 0);
}

function advance(phases: Phases, exchange: Exchange, from: number): void {
  const { work } = phases;
  for (let i = from; i < work.length && !exchange.settled; i++) {
    let pending: void | Promise<void>;
    try {
      pending = (work[i] as Phase)(exchange);
    } catch (error) {
      exchange.fail(error);
      break;
    }
    if (pending !== undefined) {
      pending.then(
        () => advance(phases, exchange, i + 1),
        (error: unknown) => {
          exchange.fail(error);
          finish(phases, exchange);
        },
      );
      return;
    }
  }
  finish(phases, exchange);
}

function finish(phases: Phases, exchange: Exchange): void {
  for (const phase of phases.finish) phase(exchange);
  phases.inFlight.end();
}
