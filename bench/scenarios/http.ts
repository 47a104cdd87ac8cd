import type { Row, Scenario, Section } from '../harness/context.ts';
import { startCpuClock } from '../harness/cpu.ts';
import { startDriver } from '../harness/driver.ts';
import { median, sum } from '../harness/stats.ts';
import { markdownTable } from '../harness/table.ts';
import type { HttpDriver, HttpResult } from '../load/http.ts';
import { orderBody, orderPath } from '../prototypes/answer.ts';
import { httpContenders, type HttpContender } from './http-contenders.ts';

interface Round extends HttpResult {
  /** Microseconds of CPU per request, by process. */
  readonly cpu: Readonly<Record<string, number>>;
}

const connections = 128;

/** GET of a small document through each way of answering it: microseconds of CPU per request over the whole path. */
export const http: Scenario = {
  name: 'http',
  async run(context) {
    const seconds = context.quick ? 1 : 2.5;
    const rounds = context.quick ? 2 : 7;
    const contenders = [];
    for (const start of httpContenders) contenders.push(await start(context));
    const driver = startDriver<HttpDriver>('bench/load/http.ts');
    const results = new Map<HttpContender, Round[]>(contenders.map((contender) => [contender, []]));
    try {
      for (const contender of contenders) await measure(contender, context.quick ? 1 : 2);
      for (let round = 0; round < rounds; round += 1) {
        // Another one begins each time, so that none always follows the same neighbour.
        for (let i = 0; i < contenders.length; i += 1) {
          const contender = contenders[(i + round) % contenders.length]!;
          results.get(contender)!.push(await measure(contender, seconds));
        }
        context.say(`http: round ${round + 1} of ${rounds}`);
      }
    } finally {
      await driver.stop();
      for (const contender of contenders) await contender.stop();
    }
    return section(results, seconds, rounds);

    async function measure(contender: HttpContender, seconds: number): Promise<Round> {
      const load = { port: contender.port, path: orderPath, body: orderBody, connections, seconds };
      await driver.call('connect', load);
      const stop = startCpuClock(contender.processes);
      const result = await driver.call('run', load);
      const spent = Object.entries(stop());
      if (result.wrong > 0) throw new Error(`${contender.name}: ${result.wrong} wrong answers`);
      return {
        ...result,
        cpu: Object.fromEntries(spent.map(([name, micros]) => [name, micros / result.requests])),
      };
    }
  },
};

function section(results: ReadonlyMap<HttpContender, Round[]>, seconds: number, rounds: number): Section {
  const cost = (contender: HttpContender): number =>
    median(results.get(contender)!.map((round) => sum(Object.values(round.cpu))));
  const byRole = (role: HttpContender['role']): number => {
    const contender = [...results.keys()].find((candidate) => candidate.role === role);
    return contender ? cost(contender) : NaN;
  };
  const rows = [...results.keys()].map((contender): Row => {
    const value = cost(contender);
    return {
      what: contender.name,
      value,
      unit: 'µs CPU/request',
      floor: value / byRole('floor'),
      peer: value / byRole('peer'),
      ...(contender.role === 'sluice'
        ? {
            targets: [
              { kind: 'at most', value: 1.4, of: 'floor' },
              { kind: 'at most', value: 0.6, of: 'peer' },
            ],
          }
        : {}),
    };
  });
  const details = markdownTable(
    ['way', 'requests/s', 'p50 ms', 'p99 ms', 'CPU by process, µs/request'],
    [...results].map(([contender, all]) => [
      contender.name,
      median(all.map((round) => round.requests / round.seconds)).toFixed(0),
      median(all.map((round) => round.p50)).toFixed(1),
      median(all.map((round) => round.p99)).toFixed(1),
      contender.processes
        .map(({ name }) => `${name} ${median(all.map((round) => round.cpu[name]!)).toFixed(0)}`)
        .join(', '),
    ]),
  );
  return {
    title: 'HTTP GET',
    method:
      `${connections} kept-alive connections, one request in flight on each, ${rounds} interleaved rounds of ` +
      `${seconds} s; median of the CPU time per request over every process but the load generator. Every answer is checked.`,
    rows,
    details,
  };
}
