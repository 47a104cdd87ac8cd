import { GenericContainer, getContainerRuntimeClient, type StartedTestContainer } from 'testcontainers';
import { afterAll, describe, it } from 'vitest';
import { Database } from '../../services/marketdata/store/database.ts';
import { findEdition, type Edition } from '../../services/marketdata/store/edition.ts';
import { storeSuite } from '../../services/marketdata/store/testing/suite.ts';

/**
 * The store on TimescaleDB, in containers: the image as it is, and once more as the Apache edition if it is not that
 * already. The public image is the community edition; scripts/containers/make-images.sh makes one without a registry, from
 * Debian's package, which is the Apache edition (TESTCONTAINERS_RYUK_DISABLED=true then, as its helper image is not there).
 */
const image = process.env['SLUICE_TEST_TIMESCALE_IMAGE'] ?? 'timescale/timescaledb:latest-pg18';
const password = 'test';

const engine = await getContainerRuntimeClient().then(
  () => true,
  () => false,
);

interface Server {
  readonly edition: Edition;
  readonly createDatabase: () => Promise<string>;
  stop(): Promise<void>;
}

async function start(args: string[]): Promise<Server> {
  const container = await new GenericContainer(image)
    .withEnvironment({ POSTGRES_PASSWORD: password, TIMESCALEDB_TELEMETRY: 'off' })
    .withCommand(args)
    .withExposedPorts(5432)
    .withStartupTimeout(120_000)
    .start();
  const database = connect(container, 'postgres');
  let made = 0;
  return {
    edition: await findEdition(database, () => {}),
    createDatabase: async () => {
      const name = `test_${(made += 1)}`;
      await database.session(({ client }) => client.query(`CREATE DATABASE ${name}`));
      return urlOf(container, name);
    },
    stop: async () => {
      await database.close();
      await container.stop({ timeout: 1_000 });
    },
  };
}

function urlOf(container: StartedTestContainer, name: string): string {
  return `postgres://postgres:${password}@${container.getHost()}:${container.getMappedPort(5432)}/${name}`;
}

function connect(container: StartedTestContainer, name: string): Database {
  return new Database({
    url: urlOf(container, name),
    poolSize: 1,
    statementTimeoutMs: 60_000,
    report: () => {},
  });
}

if (engine) {
  const servers = [await start([])];
  if (servers[0]?.edition === 'community') servers.push(await start(['-c', 'timescaledb.license=apache']));
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.stop()));
  });
  for (const { edition, createDatabase } of servers) storeSuite(edition, createDatabase);
} else {
  console.warn('marketdata-editions: skipped, no Docker engine answers on this machine');
  describe('the TimescaleDB editions', () => {
    it.skip('are not tested: no Docker engine answers on this machine');
  });
}
