import { problemHeaders, SluiceError, toProblem, toSluiceError, type Code } from '@sluice/errors';
import { isBusError, type BusMessage } from '@sluice/nats';
import { encodeResponse } from '@sluice/wire';
import type { Outcome, Traffic } from '../traffic.ts';
import { newExchange, type Exchange, type Phase } from './exchange.ts';

export interface Refusal {
  readonly requestId: string;
  readonly route: string | null;
  readonly error: SluiceError;
}

export interface HandlerOptions {
  readonly phases: readonly Phase[];
  readonly traffic: Traffic;
  /** Told of every request that the router itself answered with an error. */
  readonly onRefusal: (refusal: Refusal) => void;
}

/**
 * Answers requests of edges: runs the phases in order, and turns whatever one of them throws into a problem document
 * inside a response envelope. It never rejects.
 */
export function requestHandler(options: HandlerOptions): (message: BusMessage) => Promise<void> {
  const { phases, traffic, onRefusal } = options;
  return async function handle(message) {
    const exchange = newExchange(message);
    try {
      for (const phase of phases) {
        const running = phase(exchange);
        if (running !== undefined) await running;
      }
      respond(exchange);
      count(exchange, traffic, 'ok');
    } catch (thrown) {
      const error = toSluiceError(thrown);
      count(exchange, traffic, outcomeOf(error.code));
      onRefusal({ requestId: exchange.requestId, route: exchange.route?.id ?? null, error });
      refuse(exchange, error);
    }
  };
}

/** Throws SluiceError `bad_backend_response` when the response does not fit a message. */
function respond(exchange: Exchange): void {
  try {
    exchange.message.respond(exchange.response ?? '');
  } catch (cause) {
    if (!isBusError(cause, 'too_large')) throw cause;
    throw new SluiceError('bad_backend_response', 'The answer of the backend is too large.', { cause });
  }
}

function refuse(exchange: Exchange, error: SluiceError): void {
  const response = encodeResponse({
    status: error.status,
    headers: problemHeaders(error),
    body: Buffer.from(JSON.stringify(toProblem(error, exchange.requestId))),
  });
  try {
    exchange.message.respond(response);
  } catch {
    // The bus is away: the edge has noticed that itself and has answered 503.
  }
}

function count(exchange: Exchange, traffic: Traffic, outcome: Outcome): void {
  (exchange.counters ?? traffic.unrouted)[outcome]++;
}

function outcomeOf(code: Code): Outcome {
  if (code === 'unavailable') return 'unavailable';
  if (code === 'deadline_exceeded') return 'timeout';
  if (code === 'bad_backend_response') return 'bad_response';
  if (code === 'internal') return 'error';
  return 'refused';
}
