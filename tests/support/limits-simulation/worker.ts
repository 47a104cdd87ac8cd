import type { BusMessage } from '@sluice/nats';
import { Granter } from '../../../services/ratelimit/granter.ts';
import { leaseHandler, returnHandler } from '../../../services/ratelimit/lease-handler.ts';
import { ServerClock } from '../../../services/ratelimit/server-clock.ts';
import { ownClock, type VirtualTime } from '../virtual-time.ts';
import type { SimNats } from './nats.ts';

const noMetric = { inc: () => {}, observe: () => {} };

/** A ratelimit worker as it is, in virtual time. Dead from the moment that `alive` is false. */
export class SimWorker {
  alive = true;
  readonly lease: (message: BusMessage) => Promise<void>;
  readonly giveBack: (message: BusMessage) => Promise<void>;

  constructor(time: VirtualTime, nats: SimNats) {
    const now = ownClock(time);
    const alive = (): boolean => this.alive;
    const counters = {
      ratelimit: nats.counters('ratelimit', alive, now),
      ratelimit_hour: nats.counters('ratelimit_hour', alive, now),
      ratelimit_day: nats.counters('ratelimit_day', alive, now),
      usage: nats.counters('usage', alive, now),
    };
    const clock: ServerClock = new ServerClock({ now, onStep: () => granter.forget() });
    const granter = new Granter({
      counters,
      clock,
      mostKeys: 50,
      onLost: () => {},
      wait: (ms) => new Promise((resolve) => time.after(ms, resolve)),
    });
    const look = (): void =>
      void counters.ratelimit.serverTime().then(
        (seen) => clock.observe(seen),
        () => {},
      );
    look();
    time.every(1_000, () => {
      if (this.alive) look();
    });
    const metrics = {
      granted: noMetric,
      refused: noMetric,
      failed: noMetric,
      returned: noMetric,
      leaseSeconds: noMetric,
    } as never;
    this.lease = leaseHandler({ granter, metrics, now });
    this.giveBack = returnHandler({ granter, metrics, now });
  }
}
