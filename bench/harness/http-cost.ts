import { startCpuClock, type Measured } from './cpu.ts';
import type { Driver } from './driver.ts';
import { median, sum } from './stats.ts';
import type { HttpDriver, HttpRequest, HttpResult } from '../load/http.ts';

/** Something that answers HTTP requests, running. */
export interface HttpTarget {
  readonly name: string;
  readonly port: number;
  readonly requests: readonly HttpRequest[];
  /** Every process that a request touches. */
  readonly processes: readonly Measured[];
}

export interface HttpRound extends HttpResult {
  /** Microseconds of CPU per request, by process. */
  readonly cpu: Readonly<Record<string, number>>;
}

const connections = 128;

/** Says how a round is driven, for the result page. */
export const httpLoadText = `${connections} kept-alive connections, one request in flight on each`;

/** One round: requests for so many seconds, and what they cost. Throws for a wrong answer. */
export async function measureHttp(
  driver: Driver<HttpDriver>,
  target: HttpTarget,
  body: string,
  seconds: number,
): Promise<HttpRound> {
  const { port, requests } = target;
  await driver.call('connect', { port, requests, body, connections });
  const stop = startCpuClock(target.processes);
  const result = await driver.call('run', seconds);
  const spent = Object.entries(stop());
  if (result.wrong > 0) throw new Error(`${target.name}: ${result.wrong} wrong answers`);
  return {
    ...result,
    cpu: Object.fromEntries(spent.map(([name, micros]) => [name, micros / result.requests])),
  };
}

/** Microseconds of CPU per request over all processes, median of the rounds. */
export function costOf(rounds: readonly HttpRound[]): number {
  return median(rounds.map(({ cpu }) => sum(Object.values(cpu))));
}

export const httpDetailsHead = [
  'way',
  'requests/s',
  'p50 ms',
  'p99 ms',
  'CPU by process, µs/request',
] as const;

/** A line of the table below the results. */
export function httpDetails(target: HttpTarget, rounds: readonly HttpRound[]): string[] {
  return [
    target.name,
    median(rounds.map((round) => round.requests / round.seconds)).toFixed(0),
    median(rounds.map((round) => round.p50)).toFixed(1),
    median(rounds.map((round) => round.p99)).toFixed(1),
    target.processes
      .map(({ name }) => `${name} ${median(rounds.map((round) => round.cpu[name]!)).toFixed(0)}`)
      .join(', '),
  ];
}
