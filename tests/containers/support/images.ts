import path from 'node:path';
import { projectRoot } from '@sluice/testing';
import { GenericContainer, getContainerRuntimeClient, ImageName } from 'testcontainers';

/**
 * Images of the container suite. Names come from the environment; the defaults are the public images, and the services
 * are built from deploy/docker/Dockerfile. scripts/containers/make-images.sh makes stand-ins for all public ones.
 */
export const timescaleImage =
  process.env['SLUICE_TEST_TIMESCALE_IMAGE'] ?? 'timescale/timescaledb:latest-pg18';
export const natsImage = process.env['SLUICE_TEST_NATS_IMAGE'] ?? 'nats:2.15-alpine';
const nodeImage = process.env['SLUICE_NODE_IMAGE'] ?? 'node:26-bookworm-slim';
const runtimeImage = process.env['SLUICE_RUNTIME_IMAGE'] ?? 'gcr.io/distroless/cc-debian12:nonroot';

export const services = ['edge', 'router', 'ratelimit', 'admin', 'marketdata', 'broadcaster'] as const;
export type ServiceName = (typeof services)[number];

/** The name that compose gives an image too, so that both run the same ones. */
export function serviceImage(service: ServiceName): string {
  return `sluice-${service}:${process.env['SLUICE_IMAGE_TAG'] ?? 'test'}`;
}

/** The same images for compose, which has variables of its own for the two servers. */
export function composeEnvironment(): Record<string, string> {
  return {
    SLUICE_NATS_IMAGE: natsImage,
    SLUICE_TIMESCALE_IMAGE: timescaleImage,
    SLUICE_IMAGE_TAG: process.env['SLUICE_IMAGE_TAG'] ?? 'test',
  };
}

/**
 * Makes sure that every image is there, and builds the services from the code as it is now: layers that did not change
 * are taken from the engine. Gives the reason why the suite cannot run here, or undefined.
 */
export async function prepareImages(): Promise<string | undefined> {
  const client = await getContainerRuntimeClient().catch(() => undefined);
  if (!client) return 'no Docker engine answers on this machine';
  for (const image of [timescaleImage, natsImage, nodeImage, runtimeImage]) {
    const name = ImageName.fromString(image);
    if (await client.image.exists(name)) continue;
    try {
      await client.image.pull(name);
    } catch {
      return `image ${image} is neither here nor in a registry that answers (scripts/containers/make-images.sh makes local ones)`;
    }
  }
  for (const service of services)
    await GenericContainer.fromDockerfile(projectRoot, path.join('deploy', 'docker', 'Dockerfile'))
      .withBuildArgs({ SERVICE: service, NODE_IMAGE: nodeImage, RUNTIME_IMAGE: runtimeImage })
      .build(serviceImage(service), { deleteOnExit: false });
  return undefined;
}
