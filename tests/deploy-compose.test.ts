import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { projectRoot } from '@sluice/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { findCompose, orReason } from './deploy/programs.ts';

const run = promisify(execFile);
const compose = await orReason(findCompose());
const file = path.join(projectRoot, 'deploy/docker/compose.yaml');

interface Service {
  readonly image: string;
  readonly build?: { readonly args: Record<string, string>; readonly dockerfile: string };
  readonly environment: Record<string, string>;
  readonly ports?: readonly { readonly host_ip?: string; readonly published?: string }[];
  readonly networks: Record<string, unknown>;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly depends_on?: Record<string, { readonly condition: string }>;
  readonly healthcheck?: object;
}

async function config(text: string, env: Record<string, string> = {}): Promise<Record<string, Service>> {
  const running = run(
    compose.path,
    ['--file', '-', '--project-directory', path.dirname(file), 'config', '--format', 'json'],
    {
      // Nothing of this machine's own environment decides what is tested.
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
    },
  );
  running.child.stdin?.end(text);
  return (JSON.parse((await running).stdout) as { services: Record<string, Service> }).services;
}

/** Compose itself reads the file, strictly: it refuses what its schema does not know. tests/containers runs it. */
describe('the compose file', () => {
  if (compose.path === '') {
    it.skip(`is not read: ${compose.reason}`);
    return;
  }
  let text: string;
  let services: Record<string, Service>;
  beforeAll(async () => {
    text = await readFile(file, 'utf8');
    services = await config(text);
  });

  it('is refused with an unknown field, so what is accepted has none', async () => {
    await expect(config(text.replace('    shm_size:', '    shm_sise:'))).rejects.toThrow(/shm_sise/);
  });

  it('starts every service, three NATS nodes and TimescaleDB', () => {
    expect(Object.keys(services).toSorted()).toEqual([
      'admin',
      'broadcaster',
      'edge',
      'marketdata',
      'nats-0',
      'nats-1',
      'nats-2',
      'ratelimit',
      'router',
      'timescaledb',
    ]);
    for (const [name, { environment, image, build, depends_on: needs }] of Object.entries(services)) {
      if (build === undefined) continue;
      expect(image).toBe(`sluice-${name}:0.1.0`);
      expect(build).toMatchObject({
        dockerfile: 'deploy/docker/Dockerfile',
        args: { SERVICE: name, NODE_IMAGE: 'node:26-bookworm-slim' },
      });
      expect(environment['NATS_REPLICAS']).toBe('3');
      expect(environment['NATS_URL']?.split(',')).toHaveLength(3);
      expect(needs).toMatchObject({ 'nats-0': { condition: 'service_healthy' } });
    }
  });

  it('takes every image and password from the environment', async () => {
    const own = await config(text, {
      SLUICE_IMAGE_PREFIX: 'registry.example.com/sluice/',
      SLUICE_IMAGE_TAG: '9',
      SLUICE_NATS_IMAGE: 'own-nats',
      SLUICE_TIMESCALE_IMAGE: 'own-timescale',
      SLUICE_NATS_EDGE_PASSWORD: 'first',
      SLUICE_NATS_CLUSTER_PASSWORD: 'third',
      SLUICE_DATABASE_PASSWORD: 'second',
    });
    expect(
      Object.values(own)
        .map(({ image }) => image)
        .toSorted(),
    ).toEqual([
      'own-nats',
      'own-nats',
      'own-nats',
      'own-timescale',
      ...['admin', 'broadcaster', 'edge', 'marketdata', 'ratelimit', 'router'].map(
        (name) => `registry.example.com/sluice/${name}:9`,
      ),
    ]);
    expect(own['nats-1']?.environment).toMatchObject({
      NATS_EDGE_PASSWORD: 'first',
      NATS_ROUTE_2: 'nats://cluster:third@nats-2.nats:6222',
    });
    expect(own['edge']?.environment).toMatchObject({ NATS_USER: 'edge', NATS_PASSWORD: 'first' });
    expect(own['marketdata']?.environment['DATABASE_URL']).toContain(':second@');
    expect(own['timescaledb']?.environment['POSTGRES_PASSWORD']).toBe('second');
  });

  it('publishes the edge to this machine only, and nothing else', () => {
    for (const [name, { ports = [] }] of Object.entries(services))
      expect(
        ports.map((port) => [port.host_ip, port.published]),
        name,
      ).toEqual(name === 'edge' ? [['127.0.0.1', '8080']] : []);
    const reachable = (network: string): string[] =>
      Object.keys(services)
        .filter((name) => network in (services[name]?.networks ?? {}))
        .toSorted();
    expect(reachable('storage')).toEqual(['marketdata', 'timescaledb']);
    expect(reachable('front')).toEqual(['edge']);
    expect(reachable('bus')).not.toContain('timescaledb');
  });

  it('runs what it builds and NATS with a read-only root and no capability', () => {
    for (const [name, service] of Object.entries(services))
      if (name !== 'timescaledb') expect(service, name).toMatchObject({ read_only: true, cap_drop: ['ALL'] });
  });
});
