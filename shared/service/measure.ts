import { SluiceError, toSluiceError } from '@sluice/errors';
import type { BusMessage } from '@sluice/nats';
import { natsHeaders } from '@sluice/wire';
import { errorText, respondError } from './failure.ts';
import type { EndpointStats } from './stats.ts';

/** Something for the log: an error that an endpoint did not expect, or an answer that could not be sent. */
export interface ServiceEvent {
  readonly endpoint: string;
  /** Empty when the message named none. */
  readonly requestId: string;
  readonly error: SluiceError;
}

export type ServiceReporter = (event: ServiceEvent) => void;

/** Answers one message. May be async; what it throws is answered and counted by its wrapper. */
export type MessageHandler = (message: BusMessage, stats: EndpointStats) => void | Promise<void>;

/** Wraps a handler with its counters and turns what it throws into an ADR-32 error. Nothing leaves this function. */
export function measured(
  endpoint: string,
  handle: MessageHandler,
  stats: EndpointStats,
  report: ServiceReporter | undefined,
): (message: BusMessage) => void | Promise<void> {
  const refuse = (message: BusMessage, thrown: unknown): void => {
    let error = toSluiceError(thrown);
    stats.failed(error.status, errorText(error));
    try {
      respondError(message, error);
    } catch (cause) {
      error = new SluiceError('internal', 'The answer could not be sent.', { cause });
    }
    if (error.status >= 500)
      tell(report, { endpoint, requestId: message.header(natsHeaders.requestId) ?? '', error });
  };
  const finish = async (message: BusMessage, running: Promise<void>, began: number): Promise<void> => {
    try {
      await running;
    } catch (thrown) {
      refuse(message, thrown);
    }
    stats.took(performance.now() - began);
  };
  return (message) => {
    const began = performance.now();
    stats.received();
    try {
      const running = handle(message, stats);
      if (running !== undefined) return finish(message, running, began);
    } catch (thrown) {
      refuse(message, thrown);
    }
    stats.took(performance.now() - began);
    return undefined;
  };
}

/** A reporter that throws must not turn an answered request into a failed one. */
export function tell(report: ServiceReporter | undefined, event: ServiceEvent): void {
  try {
    report?.(event);
  } catch {
    // There is nowhere left to report to.
  }
}
