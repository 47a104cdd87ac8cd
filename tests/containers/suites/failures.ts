import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '@sluice/testing';
import { LiveClient } from '../../../services/edge/live/testing/client.ts';
import { allIntervals, oracleCandles } from '../../marketdata/oracle.ts';
import { Callers, type Experience } from '../support/caller.ts';
import { answers, type Cluster } from '../support/cluster.ts';
import { Feed, tradesFor } from '../support/feed.ts';
import { followEvents, followWebSocket, type Follower } from '../support/follower.ts';
import type { Member } from '../support/member.ts';
import { getAll } from '../support/rest.ts';
import type { Subject } from './subject.ts';

/** Who is killed, and what single tries may meet meanwhile: the table of DESIGN.md in statuses. */
const victims: {
  readonly name: string;
  readonly of: (cluster: Cluster) => Member;
  readonly met: readonly string[];
}[] = [
  { name: 'the first NATS node', of: ({ nats }) => nats[0]!, met: ['503', '504'] },
  { name: 'the second NATS node', of: ({ nats }) => nats[1]!, met: ['503', '504'] },
  { name: 'the third NATS node', of: ({ nats }) => nats[2]!, met: ['503', '504'] },
  { name: 'an edge', of: ({ edges }) => edges[0]!, met: ['broken'] },
  { name: 'a router', of: ({ routers }) => routers[0]!, met: ['503', '504'] },
  { name: 'a rate limiter', of: ({ limiters }) => limiters[0]!, met: [] },
  { name: 'the control API', of: ({ admins }) => admins[0]!, met: [] },
  { name: 'a marketdata worker', of: ({ marketdata }) => marketdata[0]!, met: ['503', '504'] },
  { name: 'a broadcaster', of: ({ broadcasters }) => broadcasters[0]!, met: [] },
  { name: 'the other broadcaster', of: ({ broadcasters }) => broadcasters[1]!, met: [] },
];

/** One node or worker after the other is lost while trades pour in, clients call and clients listen. */
export function failureSuite(get: () => Subject): void {
  describe('losing one at a time', () => {
    const trades = tradesFor('-K');
    const symbol = trades[0]!.symbol;
    const channel = `trades.${symbol}`;
    let cluster: Cluster;
    let feed: Feed;
    let callers: Callers;
    let followers: Follower[];

    beforeAll(async () => {
      const { bus } = get();
      ({ cluster } = get());
      feed = new Feed(bus, trades, 15);
      await feed.goesOn();
      callers = new Callers(cluster.gateways, `/v1/markets/${symbol}/ticker`);
      // Before the first trade is stored the market is unknown, which is no failure.
      await until(async () => await answers(`${cluster.gateways[0]}/v1/markets/${symbol}/ticker`));
      const [first, second] = cluster.gateways as [string, string];
      followers = await Promise.all([
        followWebSocket([first, second], channel),
        followWebSocket([second, first], channel),
        followEvents(first, channel),
      ]);
      await callers.answeredAgain();
      callers.faults.length = 0;
      callers.take();
    });
    afterAll(async () => {
      for (const follower of followers ?? []) follower.close();
      await Promise.all([feed?.stop(), callers?.stop()]);
    });

    /** What clients met since the last call, which must be of the kinds allowed. */
    const met = (allowed: readonly string[]): Experience => {
      const experience = callers.take();
      expect(callers.faults).toEqual([]);
      expect(allowed).toEqual(expect.arrayContaining([...experience.met.keys()]));
      return experience;
    };
    /** Resolves when the channel moved on for every follower. */
    const live = async (): Promise<void> => {
      const before = followers.map(({ updates }) => updates.length);
      await until(() => followers.every(({ updates }, i) => updates.length > before[i]! + 10), {
        timeoutMs: 60_000,
        message: 'every follower gets new trades',
      });
    };

    it.each(victims)('$name: clients are answered and trades go on without it', async (victim) => {
      const member = victim.of(cluster);
      await member.kill();
      await Promise.all([feed.goesOn(), callers.answeredAgain()]);
      // Server-sent events stay with their edge, which may be the one that is away.
      if (member !== cluster.edges[0]) await live();
      const away = met(victim.met);
      await member.startAgain();
      await Promise.all([feed.goesOn(), callers.answeredAgain(), live()]);
      met(victim.met);
      report(`${member.name} killed`, away, feed.takeLongest());
    });

    it('the database: history waits, trades and live data go on', async () => {
      await cluster.database.kill();
      await until(async () => {
        const response = await fetch(`${cluster.gateways[0]}/v1/markets/${symbol}/ticker`);
        const problem = (await response.json()) as { code?: string };
        return response.status === 503 && problem.code !== undefined;
      });
      await Promise.all([feed.goesOn(50), live()]);
      await cluster.database.startAgain();
      await callers.answeredAgain();
      report('database killed', met(['503', '504']), feed.takeLongest());
    });

    it('every router: clients are told at once, and when to come back', async () => {
      await Promise.all(cluster.routers.map((router) => router.kill()));
      const response = await fetch(`${cluster.gateways[0]}/v1/markets/${symbol}/ticker`, {
        // Half the deadline of the route: nobody waits for an answer that cannot come.
        signal: AbortSignal.timeout(5_000),
      });
      expect(response.status).toBe(503);
      expect(response.headers.get('retry-after')).toMatch(/^\d+$/);
      await Promise.all([feed.goesOn(), live()]);
      await Promise.all(cluster.routers.map((router) => router.startAgain()));
      await callers.answeredAgain();
      report('both routers killed', met(['503', '504']), feed.takeLongest());
    });

    it('workers that are stopped lose no request', async () => {
      for (const member of [cluster.routers[1]!, cluster.marketdata[1]!, cluster.broadcasters[0]!]) {
        expect([member.name, await member.stop()]).toEqual([member.name, 0]);
        await Promise.all([feed.goesOn(), callers.answeredAgain(), live()]);
        await member.startAgain();
        report(`${member.name} stopped`, met([]), feed.takeLongest());
      }
    });

    it('an edge that is stopped closes WebSockets with a reason, and clients go on at the other', async () => {
      const [edge] = cluster.edges as [Member];
      const client = await LiveClient.connect(`${cluster.gateways[0]}/v1/stream`);
      expect(await edge.stop()).toBe(0);
      await until(() => client.closed);
      expect(client.closed).toMatchObject({ code: 1001, reason: expect.stringContaining('resume') });
      await callers.answeredAgain();
      await edge.startAgain();
      await live();
      report('edge-1 stopped', met(['broken']), feed.takeLongest());
    });

    it('a NATS node that is stopped hands over what it leads', async () => {
      const [, node] = cluster.nats as [Member, Member];
      const stopped = node.stop('SIGUSR2');
      await Promise.all([feed.goesOn(), callers.answeredAgain(), live()]);
      expect(await stopped).toBe(0);
      await Promise.all([feed.goesOn(), callers.answeredAgain(), live()]);
      await node.startAgain();
      report('nats-1 stopped', met(['503', '504']), feed.takeLongest());
    });

    it('nothing acknowledged was lost, and no client missed or repeated a trade', async () => {
      await feed.stop();
      const own = feed.acknowledged.filter((row) => row.symbol === symbol);
      const last = own.at(-1)!.trade.id;
      await until(
        () =>
          followers.every(
            ({ updates }) => (updates.at(-1)?.data as { id?: string } | undefined)?.id === last,
          ),
        { timeoutMs: 60_000, message: 'every follower has the last trade' },
      );
      for (const follower of followers) {
        expect(follower.faults()).toEqual([]);
        expect(follower.updates.map(({ data }) => data)).toEqual(
          own.slice(-follower.updates.length).map(({ trade }) => trade),
        );
      }
      // Two of them were on the edge that was killed and stopped.
      expect(followers.map(({ connections }) => connections > 1)).toEqual([true, false, true]);
      const gateway = cluster.gateways[0]!;
      for (const each of new Set(feed.acknowledged.map((row) => row.symbol))) {
        const stored = feed.acknowledged.filter((row) => row.symbol === each);
        await until(
          async () =>
            (await getAll(gateway, `/v1/markets/${each}/trades?order=asc&limit=1000`)).length ===
            stored.length,
          { timeoutMs: 60_000, everyMs: 500, message: `${stored.length} trades of ${each}` },
        );
        for (const interval of allIntervals)
          expect(
            await getAll(gateway, `/v1/markets/${each}/candles?interval=${interval}&order=asc&limit=1000`),
            `${each} ${interval}`,
          ).toEqual(oracleCandles(stored, interval));
      }
    });

    it('all NATS nodes at once: clients are told at once, and everything recovers without a restart', async () => {
      const { bus } = get();
      await Promise.all(cluster.nats.map((node) => node.kill()));
      for (const gateway of cluster.gateways)
        await until(async () => (await fetch(`${gateway}/v1/markets/${symbol}/ticker`)).status === 503, {
          message: 'a plain 503',
        });
      for (const edge of cluster.edges)
        expect((await fetch(`${edge.url(9090)}/health/ready`)).status).toBe(503);
      await Promise.all(cluster.nats.map((node) => node.startAgain()));
      for (const member of [
        cluster.edges,
        cluster.routers,
        cluster.limiters,
        cluster.admins,
        cluster.marketdata,
        cluster.broadcasters,
      ].flat())
        await member.ready();
      await callers.answeredAgain();
      const again = new Feed(bus, tradesFor('-A'), 5);
      await again.goesOn();
      const follower = await followWebSocket(cluster.gateways, `trades.${again.acknowledged[0]!.symbol}`);
      await until(() => follower.updates.length > 20, { timeoutMs: 60_000, message: 'live data flows' });
      expect(follower.faults()).toEqual([]);
      follower.close();
      await again.stop();
      // What was acknowledged before the loss is still there.
      const own = feed.acknowledged.filter((row) => row.symbol === symbol);
      const rows = await getAll(cluster.gateways[0]!, `/v1/markets/${symbol}/trades?order=asc&limit=1000`);
      expect(rows.length).toBe(own.length);
      report('all of NATS killed', met(['503', '504']), again.takeLongest());
    });
  });
}

/** One line per loss in the test's output: what docs/deploy.md tells about pauses comes from here. */
function report(what: string, { answered, met, longestMs }: Experience, feedMs: number): void {
  const refusals = [...met].map(([status, count]) => `${count} × ${status}`).join(', ') || 'none';
  console.log(
    `${what}: longest call ${Math.round(longestMs)} ms, longest acknowledgement ${Math.round(feedMs)} ms, ` +
      `${answered} calls answered, refused tries: ${refusals}`,
  );
}
