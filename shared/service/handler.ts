import { SluiceError, toSluiceError } from '@sluice/errors';
import { isBusError } from '@sluice/nats';
import type { WireRequest } from '@sluice/wire';
import type { Call, Endpoint } from './endpoint.ts';
import type { Exchange } from './exchange.ts';
import { errorText, respondError } from './failure.ts';
import { compileInput, type Input } from './input.ts';
import { tell, type MessageHandler, type ServiceReporter } from './measure.ts';
import { errorResponse, toResponse } from './reply.ts';
import type { DeadlineSignals } from './signals.ts';

/** Compiles an endpoint into the function that answers its messages. Everything that can be prepared is prepared here. */
export function compileHandler(
  name: string,
  endpoint: Endpoint,
  exchange: Exchange,
  signals: DeadlineSignals,
  report: ServiceReporter | undefined,
): MessageHandler {
  const readInput = compileInput(endpoint);
  return async (message, stats) => {
    let request: WireRequest | undefined;
    let call: EndpointCall | undefined;
    try {
      request = exchange.read(message);
      if (request.deadline <= Date.now())
        throw new SluiceError('deadline_exceeded', 'The deadline passed before the endpoint was reached.');
      call = new EndpointCall(request, readInput(request), signals);
      exchange.write(message, toResponse(await endpoint.handler(call), endpoint.status));
    } catch (thrown) {
      const error = asError(thrown, call);
      const requestId = request?.id ?? '';
      stats.failed(error.status, errorText(error));
      if (error.status >= 500) tell(report, { endpoint: name, requestId, error });
      // Without a connection there is nobody to tell; the caller's own deadline answers for us.
      if (isBusError(error.cause, 'disconnected')) return;
      if (request === undefined) respondError(message, error);
      else exchange.write(message, errorResponse(error, requestId), error);
    } finally {
      call?.release();
    }
  };
}

function asError(thrown: unknown, call: EndpointCall | undefined): SluiceError {
  if (isBusError(thrown, 'too_large'))
    return new SluiceError('bad_backend_response', 'The answer is larger than the gateway can carry.', {
      cause: thrown,
    });
  if (call?.expired === true && thrown === call.signal.reason)
    return new SluiceError('deadline_exceeded', 'The deadline passed before the endpoint had an answer.', {
      cause: thrown,
    });
  return toSluiceError(thrown);
}

/** One call. The signal costs an object and a place in a timer's list: it exists only for handlers that ask for it. */
class EndpointCall implements Call<unknown, unknown, unknown, unknown> {
  readonly params: unknown;
  readonly query: unknown;
  readonly headers: unknown;
  readonly body: unknown;
  readonly request: WireRequest;
  readonly deadline: number;
  readonly #signals: DeadlineSignals;
  #watched: { readonly signal: AbortSignal; readonly release: () => void } | undefined;

  constructor(request: WireRequest, input: Input, signals: DeadlineSignals) {
    this.params = input.params;
    this.query = input.query;
    this.headers = input.headers;
    this.body = input.body;
    this.request = request;
    this.deadline = request.deadline;
    this.#signals = signals;
  }

  get signal(): AbortSignal {
    this.#watched ??= this.#signals.add(this.deadline);
    return this.#watched.signal;
  }

  /** True when the handler asked for the signal and it fired. */
  get expired(): boolean {
    return this.#watched?.signal.aborted ?? false;
  }

  release(): void {
    this.#watched?.release();
  }
}
