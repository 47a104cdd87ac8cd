/**
 * Messages between edges and ratelimit workers, version 1 (docs/limits-protocol.md has the meaning of every member).
 * JSON: one message stands for hundreds of calls, and people can read it with `nats sub`.
 */
export const limitSubjects = { lease: 'sluice.limit.lease', giveBack: 'sluice.limit.return' } as const;

/** Queue group of the workers. */
export const limitQueue = 'ratelimit';

const version = 1;

/** Tokens wanted of a sliding window. `n` are welcome, fewer than `need` are of no use. */
export interface WindowWant {
  readonly kind: 'window';
  /** `<policy>.<hash of the key>`. */
  readonly counter: string;
  readonly windowMs: number;
  readonly limit: number;
  readonly n: number;
  readonly need: number;
}

/** Tokens wanted of a calendar period. */
export interface PeriodWant {
  readonly kind: 'period';
  /** `<consumer>.<quota>`. */
  readonly counter: string;
  readonly period: 'day' | 'month';
  readonly limit: number;
  readonly n: number;
  readonly need: number;
}

export type Want = WindowWant | PeriodWant;

export interface LeaseRequest {
  /** Milliseconds that the edge waits for the answer. Tokens granted later than that are nobody's. */
  readonly patienceMs: number;
  readonly wants: readonly Want[];
}

/** What became of one want. */
export interface Grant {
  /** Where the tokens were counted, a slot's number or a period's name: returned tokens go there. */
  readonly place: string;
  /** Zero, or at least `need`. */
  readonly n: number;
  /** Milliseconds from the sending of the request during which they may be spent. */
  readonly forMs: number;
  /** Tokens that are still there for others. */
  readonly left: number;
  /** Milliseconds until used tokens come back. */
  readonly resetMs: number;
  /** With `n` = 0: milliseconds until `need` tokens can be there. */
  readonly retryMs: number;
}

/** Tokens that nobody has spent, nor will. */
export type GiveBack =
  | {
      readonly kind: 'window';
      readonly counter: string;
      readonly windowMs: number;
      readonly place: string;
      readonly n: number;
    }
  | { readonly kind: 'period'; readonly counter: string; readonly place: string; readonly n: number };

/** A message that is none of this protocol's. The sentence names the member. */
export class LimitsProtocolError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'LimitsProtocolError';
  }
}

export function encodeLeaseRequest(request: LeaseRequest): string {
  return JSON.stringify({ v: version, ...request });
}

export function encodeGrants(grants: readonly Grant[]): string {
  return JSON.stringify({ v: version, grants });
}

export function encodeGiveBacks(returns: readonly GiveBack[]): string {
  return JSON.stringify({ v: version, returns });
}

const mostWants = 32;
const mostReturns = 1_000;
const mostTokens = 1_000_000_000_000;
const dayMs = 86_400_000;
/** Two parts that are safe in a subject. */
const counterPattern = /^[A-Za-z0-9_-]{1,64}\.[A-Za-z0-9_-]{1,64}$/;
const slotPattern = /^[0-9]{1,15}$/;
const periodPattern = /^[0-9]{4}-[0-9]{2}(?:-[0-9]{2})?$/;

/** Throws LimitsProtocolError for anything but a request of this version. Unknown members are ignored. */
export function decodeLeaseRequest(text: string): LeaseRequest {
  const body = message(text);
  return {
    patienceMs: whole(body, 'patienceMs', 1, 60_000),
    wants: list(body, 'wants', mostWants).map((want) => {
      const common = {
        counter: pattern(want, 'counter', counterPattern),
        limit: whole(want, 'limit', 1, mostTokens),
        n: whole(want, 'n', 1, mostTokens),
        need: whole(want, 'need', 1, mostTokens),
      };
      if (want['kind'] === 'window')
        return { kind: 'window', windowMs: whole(want, 'windowMs', 1, dayMs), ...common };
      if (want['kind'] !== 'period') throw new LimitsProtocolError('kind is neither "window" nor "period"');
      const { period } = want;
      if (period !== 'day' && period !== 'month')
        throw new LimitsProtocolError('period is neither "day" nor "month"');
      return { kind: 'period', period, ...common };
    }),
  };
}

export function decodeGrants(text: string): Grant[] {
  return list(message(text), 'grants', mostWants).map((grant) => ({
    place: pattern(grant, 'place', /^[0-9-]{1,15}$/),
    n: whole(grant, 'n', 0, mostTokens),
    forMs: whole(grant, 'forMs', 0, 32 * dayMs),
    left: whole(grant, 'left', 0, mostTokens),
    resetMs: whole(grant, 'resetMs', 0, 32 * dayMs),
    retryMs: whole(grant, 'retryMs', 0, 32 * dayMs),
  }));
}

export function decodeGiveBacks(text: string): GiveBack[] {
  return list(message(text), 'returns', mostReturns).map((entry) => {
    const counter = pattern(entry, 'counter', counterPattern);
    const n = whole(entry, 'n', 1, mostTokens);
    if (entry['kind'] === 'period')
      return { kind: 'period', counter, place: pattern(entry, 'place', periodPattern), n };
    if (entry['kind'] !== 'window') throw new LimitsProtocolError('kind is neither "window" nor "period"');
    const windowMs = whole(entry, 'windowMs', 1, dayMs);
    return { kind: 'window', counter, windowMs, place: pattern(entry, 'place', slotPattern), n };
  });
}

type Body = Readonly<Record<string, unknown>>;

function message(text: string): Body {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (cause) {
    throw new LimitsProtocolError(`not JSON: ${String(cause)}`);
  }
  if (!isBody(body) || body['v'] !== version) throw new LimitsProtocolError(`v is not ${version}`);
  return body;
}

function isBody(value: unknown): value is Body {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function list(body: Body, name: string, most: number): Body[] {
  const value = body[name];
  if (!Array.isArray(value) || value.length === 0 || value.length > most || !value.every(isBody))
    throw new LimitsProtocolError(`${name} is no list of 1 to ${most} objects`);
  return value;
}

function whole(body: Body, name: string, least: number, most: number): number {
  const value = body[name];
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least || value > most)
    throw new LimitsProtocolError(`${name} is no whole number from ${least} to ${most}`);
  return value;
}

function pattern(body: Body, name: string, expected: RegExp): string {
  const value = body[name];
  if (typeof value !== 'string' || !expected.test(value))
    throw new LimitsProtocolError(`${name} has the wrong form`);
  return value;
}
