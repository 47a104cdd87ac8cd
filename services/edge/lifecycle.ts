import type { Exchange } from './exchange.ts';
import { InFlight } from './in-flight.ts';
import { CorsPolicies, type CorsDocuments } from './cors/policies.ts';
import { answerOwn } from './phases/answer-own.ts';
import { authenticate, type AuthenticateOptions } from './phases/authenticate.ts';
import { authorise } from './phases/authorise.ts';
import { canonicalise, type CanonicaliseOptions } from './phases/canonicalise.ts';
import { cors, corsOfRefusals } from './phases/cors.ts';
import { dispatch, type DispatchOptions } from './phases/dispatch.ts';
import { filterAddress, filterRouteAddress, type FilterAddressOptions } from './phases/filter-address.ts';
import { matchRoute, type MatchOptions } from './phases/match-route.ts';
import { rateLimit, type RateLimitOptions } from './phases/rate-limit.ts';
import { receiveBody, type ReceiveOptions } from './phases/receive-body.ts';
import { record, type RecordOptions } from './phases/record.ts';
import { respond, type RespondOptions } from './phases/respond.ts';
import { SecurityHeaders, type SecurityHeaderDocuments } from './security-headers.ts';

/** A step of a request. It settles the exchange, leaves it to the next step, or throws (a SluiceError, as a rule). */
export type Phase = (exchange: Exchange) => void | Promise<void>;

/** A step that every exchange takes, whatever came before. It must not throw. */
export type FinalPhase = (exchange: Exchange) => void;

export interface Phases {
  /** What even those have to pass whose requests are none: the first of `work`. */
  readonly entry: Phase;
  readonly work: readonly Phase[];
  readonly finish: readonly FinalPhase[];
  readonly inFlight: InFlight;
}

export type LifecycleOptions = {
  readonly documents: CorsDocuments & SecurityHeaderDocuments;
} & FilterAddressOptions &
  CanonicaliseOptions &
  Omit<MatchOptions, 'cors'> &
  ReceiveOptions &
  DispatchOptions &
  AuthenticateOptions &
  RateLimitOptions &
  Omit<RespondOptions, 'securityHeaders'> &
  RecordOptions;

/** Every phase in its order. `docs/lifecycle.md` has the error exits, and the places of the phases still to come. */
export function edgePhases(options: LifecycleOptions): Phases {
  const policies = { cors: new CorsPolicies(options.documents) };
  const securityHeaders = new SecurityHeaders(options.documents);
  const entry = filterAddress(options);
  return {
    entry,
    work: [
      entry,
      canonicalise(options),
      matchRoute({ ...options, ...policies }),
      filterRouteAddress(options),
      cors(policies),
      answerOwn({ securityHeaders }),
      authenticate(options),
      authorise(),
      rateLimit(options),
      receiveBody(options),
      dispatch(options),
    ],
    finish: [corsOfRefusals(policies), respond({ ...options, securityHeaders }), record(options)],
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
