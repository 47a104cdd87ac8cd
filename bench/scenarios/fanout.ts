import { until } from '@sluice/testing';
import type { Row, Scenario, Section } from '../harness/context.ts';
import { startCpuClock } from '../harness/cpu.ts';
import { startDriver } from '../harness/driver.ts';
import { median } from '../harness/stats.ts';
import { markdownTable } from '../harness/table.ts';
import type { PublishDriver } from '../load/publish.ts';
import type { WsCounts, WsDriver } from '../load/ws.ts';
import { fanoutContenders, type FanoutContender } from './fanout-contenders.ts';

interface Round {
  readonly delivered: number;
  readonly offered: number;
  readonly cpuSeconds: number;
  readonly gaps: number;
  readonly open: number;
  readonly load: number;
}

const clients = 500;

/** One channel, five hundred WebSocket clients: frames delivered per second of CPU of the process that holds the sockets. */
export const fanout: Scenario = {
  name: 'fanout',
  async run(context) {
    const seconds = context.quick ? 2 : 5;
    const rounds = context.quick ? 1 : 3;
    const sockets = startDriver<WsDriver>('bench/load/ws.ts');
    const publisher = startDriver<PublishDriver>('bench/load/publish.ts');
    const contenders: FanoutContender[] = [];
    const results = new Map<FanoutContender, Round[]>();
    try {
      for (const start of fanoutContenders) {
        const contender = await start(context);
        contenders.push(contender);
        results.set(contender, []);
        await sockets.call('open', { group: contender.name, count: clients, ...contender.target });
      }
      for (const contender of contenders) await measure(contender, 1);
      for (let round = 0; round < rounds; round += 1) {
        for (const contender of contenders) results.get(contender)!.push(await measure(contender, seconds));
        context.say(`fanout: round ${round + 1} of ${rounds}`);
      }
    } finally {
      await publisher.stop();
      await sockets.stop();
      for (const contender of contenders) await contender.stop();
    }
    return section(results, rounds, seconds);

    async function measure(contender: FanoutContender, seconds: number): Promise<Round> {
      const { name, edge, publish, perSecond } = contender;
      await sockets.call('reset', name);
      const stop = startCpuClock([edge]);
      const started = performance.now();
      const published = await publisher.call('publish', { ...publish, perSecond, seconds });
      const counts = await settled(name, (counts) => contender.messages(counts) >= published * clients);
      const elapsed = (performance.now() - started) / 1000;
      const cpuSeconds = stop()[edge.name]! / 1e6;
      return {
        delivered: contender.messages(counts),
        offered: published * clients,
        cpuSeconds,
        gaps: counts.gaps,
        open: counts.open,
        load: cpuSeconds / elapsed,
      };
    }

    /** Counts when everything has arrived, or when nothing has for a second. */
    async function settled(name: string, complete: (counts: WsCounts) => boolean): Promise<WsCounts> {
      let last: WsCounts | undefined;
      let since = performance.now();
      return until(
        async () => {
          const counts = await sockets.call('counts', name);
          if (complete(counts)) return counts;
          if (counts.payloadBytes !== last?.payloadBytes) since = performance.now();
          last = counts;
          return performance.now() - since > 1000 ? counts : undefined;
        },
        { timeoutMs: 60_000, everyMs: 25 },
      );
    }
  },
};

function section(results: ReadonlyMap<FanoutContender, Round[]>, rounds: number, seconds: number): Section {
  const rate = (all: readonly Round[]): number =>
    median(all.map((round) => round.delivered / round.cpuSeconds));
  const byRole = (role: FanoutContender['role']): number => {
    const found = [...results].find(([contender]) => contender.role === role);
    return found ? rate(found[1]) : Number.NaN;
  };
  const rows = [...results].map(
    ([contender, all]): Row => ({
      what: contender.name,
      value: rate(all),
      unit: 'frames/CPU-s',
      floor: rate(all) / byRole('floor'),
      peer: rate(all) / byRole('peer'),
      ...(contender.role === 'sluice'
        ? { targets: [{ kind: 'at least' as const, value: 300_000, of: 'value' as const }] }
        : {}),
    }),
  );
  const details = markdownTable(
    ['way', 'messages/s', 'delivered', 'clients left', 'gaps', 'cores used'],
    [...results].map(([contender, all]) => [
      contender.name,
      String(contender.perSecond),
      `${(100 * Math.min(...all.map((r) => r.delivered / r.offered))).toFixed(1)} %`,
      String(Math.min(...all.map((round) => round.open))),
      String(Math.max(...all.map((round) => round.gaps))),
      median(all.map((round) => round.load)).toFixed(2),
    ]),
  );
  return {
    title: 'Live fan-out',
    method:
      `${clients} WebSocket clients on one channel, ${rounds} interleaved rounds of ${seconds} s; frames received by the ` +
      'clients per second of CPU of the process that holds their sockets. Delivered, clients left and gaps are the worst round’s.',
    rows,
    details,
  };
}
