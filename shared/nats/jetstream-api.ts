import type { Bus } from './bus.ts';
import { BusError, isBusError } from './errors.ts';
import type { BusMessage } from './message.ts';

/** How long one question to JetStream may take; a cluster that elects a leader needs a second or two. */
const answerMs = 5_000;

/** How long a declaration waits for JetStream: after a restart it listens later than the server itself. */
const patienceMs = 15_000;

/** Numbers of JetStream's error table that are told apart here. */
export const apiError = {
  consumerNotFound: 10014,
  streamNameInUse: 10058,
  streamNotFound: 10059,
  wrongLastSequence: 10071,
  wrongLastSequenceConstant: 10164,
} as const;

interface ApiFailure {
  readonly error?: { readonly code: number; readonly err_code?: number; readonly description?: string };
}

/**
 * Asks the JetStream API, `subject` without its `$JS.API.` prefix. Throws BusError: `rejected` with JetStream's number for
 * what it refuses, `no_responders` where JetStream is off or still starting.
 */
export async function callApi<T>(bus: Bus, subject: string, body?: unknown): Promise<T> {
  const answer = await bus.request(`$JS.API.${subject}`, body === undefined ? '' : JSON.stringify(body), {
    deadline: Date.now() + answerMs,
  });
  return parseApiAnswer(answer) as T;
}

/** As {@link callApi}, but waits for a JetStream that is away or has no leader yet. */
export async function callApiPatiently<T>(
  bus: Bus,
  subject: string,
  body?: unknown,
  waitMs = patienceMs,
): Promise<T> {
  const until = Date.now() + waitMs;
  for (let pause = 50; ; pause = Math.min(pause * 2, 1_000)) {
    try {
      return await callApi<T>(bus, subject, body);
    } catch (error) {
      if (!passing(error) || Date.now() + pause > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}

/** The JSON of an API answer or publish acknowledgement. Throws BusError `rejected` for an error answer. */
export function parseApiAnswer(answer: BusMessage): unknown {
  const parsed = answer.json() as ApiFailure;
  const { error } = parsed;
  if (error === undefined) return parsed;
  const description = error.description ?? `JetStream error ${error.code}`;
  // 503 in JetStream's table is "not now" (no leader, short of resources), not a refusal.
  if (error.code === 503)
    throw new BusError('no_responders', description, error.err_code ? { code: error.err_code } : {});
  throw new BusError('rejected', description, { code: error.err_code ?? error.code });
}

/** Whether trying again may help. */
export function passing(error: unknown): boolean {
  return isBusError(error) && error.kind !== 'rejected' && error.kind !== 'too_large';
}

export const nanos = (ms: number): number => ms * 1_000_000;
