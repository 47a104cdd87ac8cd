import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import path from 'node:path';
import { nodeProgram, projectRoot, startProcess, startProgram } from '@sluice/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** Takes connections and says nothing: a NATS that every service waits for. */
let silent: Server;
let env: Record<string, string>;
const sockets = new Set<Socket>();
beforeAll(async () => {
  silent = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
  }).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  env = {
    NATS_URL: `nats://127.0.0.1:${port}`,
    DATABASE_URL: 'postgres://sluice:sluice@127.0.0.1:1/sluice',
    SLUICE_HTTP_PORT: '0',
    SLUICE_OPS_PORT: '0',
  };
});
afterAll(() => {
  silent.close();
  for (const socket of sockets) socket.destroy();
});

describe('SIGTERM before a service has started', () => {
  it.each(['admin', 'broadcaster', 'edge', 'marketdata', 'ratelimit', 'router'])(
    'ends the waiting of %s for NATS, with code 0',
    async (name) => {
      const connected = once(silent, 'connection');
      await using service = startProcess(`services/${name}/main.ts`, env);
      await connected;
      service.signal('SIGTERM');
      expect(await service.exited).toBe(0);
      expect(service.logs.at(-1)?.msg).toBe('stopped before it had started');
    },
  );

  it('counts in an image while everything is still loaded: process 1 without a handler would never see it', async () => {
    const dockerfile = await readFile(path.join(projectRoot, 'deploy/docker/Dockerfile'), 'utf8');
    const entrypoint = JSON.parse(/^ENTRYPOINT (.*)$/m.exec(dockerfile)?.[1] ?? '') as string[];
    const [, ...options] = entrypoint.map((part) => part.replace(/^\/app\//, `${projectRoot}/`));
    const main = options.pop()!;
    // The first thing after the image's own preload, before anything of main.ts is read.
    const signalled = ['--import', 'data:text/javascript,process.kill(process.pid, "SIGTERM")'];
    await using service = startProgram(
      nodeProgram,
      [...options, ...signalled, main],
      env,
      path.join(projectRoot, 'services/router'),
    );
    expect(await service.exited).toBe(0);
  });
});
