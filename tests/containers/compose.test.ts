import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { makeApiKey } from '@sluice/policy';
import { projectRoot, until } from '@sluice/testing';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { freePort } from '../../scripts/local/free-port.ts';
import { findCompose, orReason } from '../deploy/programs.ts';
import { makePublisher } from './support/access.ts';
import { answers } from './support/cluster.ts';
import { composeEnvironment } from './support/images.ts';

const run = promisify(execFile);
const compose = await orReason(findCompose());
const missing = inject('containersMissing') || compose.reason;

if (missing === '')
  describe('docker compose up', () => {
    let gateway: string;
    let adminKey: string;
    let command: (...args: string[]) => Promise<string>;

    beforeAll(async () => {
      const port = await freePort();
      adminKey = makeApiKey().text;
      gateway = `http://127.0.0.1:${port}`;
      const common = [
        '--project-name',
        `sluice-test-${process.pid}`,
        '--file',
        path.join(projectRoot, 'deploy/docker/compose.yaml'),
      ];
      command = async (...args) => {
        const { stdout } = await run(compose.path, [...common, ...args], {
          env: {
            ...process.env,
            ...composeEnvironment(),
            SLUICE_PORT: String(port),
            SLUICE_ADMIN_KEY: adminKey,
          },
        });
        return stdout;
      };
      await command('up', '--detach', '--no-build', '--wait', '--wait-timeout', '120');
    });
    afterAll(async () => {
      await command('down', '--volumes', '--timeout', '1');
    });

    it('starts everything, healthy, and the gateway takes trades and gives candles', async () => {
      const state = (await command('ps', '--format', '{{.Service}} {{.Health}}')).trim().split('\n');
      expect(state.toSorted()).toEqual(
        [
          'admin',
          'admin',
          'broadcaster',
          'broadcaster',
          'edge',
          'marketdata',
          'marketdata',
          'nats-0',
          'nats-1',
          'nats-2',
        ]
          .concat(['ratelimit', 'ratelimit', 'router', 'router', 'timescaledb'])
          .map((service) => `${service} healthy`),
      );
      const trade = { id: '1', ts: Date.UTC(2024, 7, 8), price: '100.5', size: '2', side: 'buy' };
      const posted = await fetch(`${gateway}/v1/markets/COMPOSED/trades`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-api-key': await makePublisher(gateway, adminKey) },
        body: JSON.stringify({ venue: 'test', trades: [trade] }),
      });
      expect(posted.status).toBe(202);
      const candles = `${gateway}/v1/markets/COMPOSED/candles?interval=1h`;
      await until(async () => await answers(candles), { timeoutMs: 20_000 });
      expect(await (await fetch(candles)).json()).toMatchObject({
        data: [{ ts: trade.ts, open: '100.5', volume: '2', quote_volume: '201', trades: 1 }],
      });
      expect(await answers(`${gateway}/docs`)).toBe(true);
    });
  });
else
  describe('docker compose up', () => {
    it.skip(`is not tested: ${missing}`);
  });
