import type { Row, Scenario, Section } from '../harness/context.ts';
import { startDriver } from '../harness/driver.ts';
import {
  costOf,
  httpDetails,
  httpDetailsHead,
  httpLoadText,
  measureHttp,
  type HttpRound,
} from '../harness/http-cost.ts';
import { markdownTable } from '../harness/table.ts';
import type { HttpDriver } from '../load/http.ts';
import { orderBody } from '../prototypes/answer.ts';
import { httpContenders, type HttpContender } from './http-contenders.ts';

/** GET of a small document through each way of answering it: microseconds of CPU per request over the whole path. */
export const http: Scenario = {
  name: 'http',
  async run(context) {
    const seconds = context.quick ? 1 : 2.5;
    const rounds = context.quick ? 2 : 7;
    const contenders: HttpContender[] = [];
    for (const start of httpContenders) contenders.push(...(await start(context)));
    const driver = startDriver<HttpDriver>('bench/load/http.ts');
    const results = new Map<HttpContender, HttpRound[]>(contenders.map((contender) => [contender, []]));
    try {
      for (const contender of contenders)
        await measureHttp(driver, contender, orderBody, context.quick ? 1 : 2);
      for (let round = 0; round < rounds; round += 1) {
        // Another one begins each time, so that none always follows the same neighbour.
        for (let i = 0; i < contenders.length; i += 1) {
          const contender = contenders[(i + round) % contenders.length]!;
          results.get(contender)!.push(await measureHttp(driver, contender, orderBody, seconds));
        }
        context.say(`http: round ${round + 1} of ${rounds}`);
      }
    } finally {
      await driver.stop();
      for (const contender of contenders) await contender.stop();
    }
    return section(results, seconds, rounds);
  },
};

function section(results: ReadonlyMap<HttpContender, HttpRound[]>, seconds: number, rounds: number): Section {
  const byRole = (role: HttpContender['role']): number => {
    const found = [...results].find(([contender]) => contender.role === role);
    return found ? costOf(found[1]) : NaN;
  };
  const rows = [...results].map(([{ name, targets }, all]): Row => {
    const value = costOf(all);
    return {
      what: name,
      value,
      unit: 'µs CPU/request',
      floor: value / byRole('floor'),
      peer: value / byRole('peer'),
      ...(targets === undefined ? {} : { targets }),
    };
  });
  return {
    title: 'HTTP GET',
    method:
      `${httpLoadText}, ${rounds} interleaved rounds of ${seconds} s; median of the CPU time per request over every ` +
      'process but the load generator. Every answer is checked. "All on" is a declared route that takes two methods and ' +
      'asks for a role, called by ten clients: address rules with 10,000 blocks, two limits granted by a rate-limit ' +
      'worker, JSON Schemas of path and query checked by the router, access record and metrics.',
    rows,
    details: markdownTable(
      httpDetailsHead,
      [...results].map(([contender, all]) => httpDetails(contender, all)),
    ),
  };
}
