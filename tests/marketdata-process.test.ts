import { startNatsServer, startProcess, until, type TestNats } from '@sluice/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';

/** The worker's process where the database is not what it should be. */

let nats: TestNats;
beforeAll(async () => {
  nats = await startNatsServer();
});
afterAll(async () => {
  await nats.stop();
});

const nobody = 'postgres://sluice@127.0.0.1:1/sluice';

it('waits for a database that is away, says so, and stops in order when asked to', async () => {
  const worker = startProcess('services/marketdata/main.ts', {
    NATS_URL: nats.url,
    DATABASE_URL: nobody,
    SLUICE_OPS_PORT: '0',
  });
  await worker.waitForLog(({ msg }) => msg === 'waiting for the database', 30_000);
  expect(worker.logs.some(({ msg }) => msg === 'ready')).toBe(false);
  expect(await worker.stop()).toBe(0);
});

it('refuses settings it cannot use with one line that names them', async () => {
  const worker = startProcess('services/marketdata/main.ts', {
    NATS_URL: nats.url,
    DATABASE_URL: 'mysql://somewhere',
    SLUICE_INGEST_BATCH: '0',
  });
  expect(await worker.exited).toBe(1);
  await until(() => worker.logs.length > 0);
  const lines = worker.logs.map(({ msg }) => msg ?? '');
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain('DATABASE_URL: must begin with postgres://');
  expect(lines[0]).toContain('SLUICE_INGEST_BATCH');
});
