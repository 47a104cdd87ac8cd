import { connectBus, type Bus } from '@sluice/nats';
import { afterAll, beforeAll, describe, inject, it } from 'vitest';
import { failureSuite } from './suites/failures.ts';
import { imageSuite } from './suites/images.ts';
import { liveSuite } from './suites/live.ts';
import { marketSuite } from './suites/market.ts';
import { startCluster, type Cluster } from './support/cluster.ts';

/**
 * Two of every service, built from deploy/docker/Dockerfile, with a real TimescaleDB and three NATS nodes: what the
 * gateway does on the servers that people deploy, and what it does when one of them is lost.
 */
const missing = inject('containersMissing');

if (missing === '')
  describe('a cluster in containers', () => {
    let cluster: Cluster;
    let bus: Bus;

    beforeAll(async () => {
      cluster = await startCluster();
      bus = await connectBus({ ...cluster.bus, name: 'feed under test' });
    });
    afterAll(async () => {
      await bus?.close();
      await cluster?.stop();
    });

    const get = () => ({ cluster, bus });
    imageSuite(get);
    marketSuite(get);
    liveSuite(get);
    failureSuite(get);
  });
else
  describe('a cluster in containers', () => {
    it.skip(`is not tested: ${missing}`);
  });
