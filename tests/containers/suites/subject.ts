import type { Bus } from '@sluice/nats';
import type { Cluster } from '../support/cluster.ts';

/** What the suites run on: a cluster that is up, and a connection to its NATS from outside. */
export interface Subject {
  readonly cluster: Cluster;
  readonly bus: Bus;
}
