import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { projectRoot } from '@sluice/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { buildOverlay, configOf, kubectl } from './deploy/kustomize.ts';
import { faultsOf, type Manifest } from './deploy/manifest.ts';
import { podsOf, type Pod } from './deploy/pod.ts';

interface Kustomization {
  resources: string[];
  components?: string[];
  configMapGenerator: { name: string; behavior?: string; files?: string[]; literals?: string[] }[];
  patches: { target: { kind: string; name?: string } }[];
}

/** What docs/deploy.md tells an operator to do: a copy of the overlay `production`, changed. */
describe('a copy of the overlay production', () => {
  if (kubectl.path === '') {
    it.skip(`is not built: ${kubectl.reason}`);
    return;
  }
  let directory: string;
  let own: string;

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'sluice-overlay-'));
    await cp(path.join(projectRoot, 'deploy'), directory, { recursive: true });
    own = path.join(directory, 'k8s/overlays/own');
  });
  afterAll(() => rm(directory, { recursive: true }));

  async function changed(change: (kustomization: Kustomization) => void): Promise<Manifest[]> {
    await rm(own, { recursive: true, force: true });
    await cp(path.join(directory, 'k8s/overlays/production'), own, { recursive: true });
    const file = path.join(own, 'kustomization.yaml');
    const kustomization = parse(await readFile(file, 'utf8')) as Kustomization;
    change(kustomization);
    await writeFile(file, stringify(kustomization));
    await writeFile(path.join(own, 'gateway.yaml'), 'version: 1\nroles: [trader]\n');
    const manifests = await buildOverlay(own);
    expect((await Promise.all(manifests.map(faultsOf))).flat()).toEqual([]);
    return manifests;
  }

  const podOf = (manifests: Manifest[], name: string): Pod => {
    const pod = podsOf(manifests).find((one) => one.name === name);
    if (!pod) throw new Error(`there is no ${name}`);
    return pod;
  };
  const environment = (pod: Pod): Record<string, string | undefined> =>
    Object.fromEntries(pod.spec.containers[0]?.env.map(({ name, value }) => [name, value]) ?? []);

  it('may have its gateway document from a file, which the routers then follow', async () => {
    const manifests = await changed((kustomization) => {
      kustomization.components = ['../../components/gateway-document'];
      kustomization.configMapGenerator.push({ name: 'sluice-gateway', files: ['gateway.yaml'] });
    });
    expect(configOf(manifests, 'sluice-gateway')).toEqual({
      'gateway.yaml': 'version: 1\nroles: [trader]\n',
    });
    const router = podOf(manifests, 'router');
    expect(environment(router)['SLUICE_GATEWAY_FILE']).toBe('/etc/sluice/gateway.yaml');
    // By the name with its hash: a change of the file is a rolling update.
    expect(JSON.stringify(router.spec)).toMatch(/"configMap":\{"name":"sluice-gateway-[0-9a-z]+"\}/);
  });

  it('speaks TLS with NATS and encrypts what it stores, with the component for it', async () => {
    const manifests = await changed((kustomization) => {
      kustomization.components = ['../../components/nats-tls'];
    });
    const config = configOf(manifests, 'nats-config');
    for (const name of ['tls.conf', 'cluster-tls.conf', 'encryption.conf'])
      expect(config[name], name).toBe(await readFile(path.join(directory, 'nats/secure', name), 'utf8'));
    for (const name of ['nats.conf', 'accounts.conf'])
      expect(config[name], name).toBe(await readFile(path.join(directory, 'nats', name), 'utf8'));
    const nats = podOf(manifests, 'nats');
    const variables = Object.values(config).flatMap((text) => text.match(/\$NATS_(TLS|JETSTREAM)\w+/g) ?? []);
    expect(variables.length).toBeGreaterThan(3);
    for (const variable of variables) expect(environment(nats)).toHaveProperty(variable.slice(1));
    const services = podsOf(manifests).filter(({ labels }) => labels['bus'] === 'client');
    expect(services.length).toBe(6);
    for (const { name, spec } of services) {
      const [container] = spec.containers;
      const mounted = container?.volumeMounts?.find(({ mountPath }) => mountPath === '/etc/nats-tls');
      expect(container?.env, name).toContainEqual({ name: 'NATS_TLS_CA', value: '/etc/nats-tls/ca.crt' });
      // The nodes' key is nothing for services.
      expect(JSON.stringify(spec.volumes?.find((volume) => volume.name === mounted?.name)), name).toContain(
        '"items":[{"key":"ca.crt","path":"ca.crt"}]',
      );
    }
  });

  it('may leave NATS to somebody else', async () => {
    const manifests = await changed((kustomization) => {
      kustomization.resources = kustomization.resources.filter((resource) => resource !== '../../nats');
      kustomization.configMapGenerator = [
        { name: 'sluice-settings', behavior: 'merge', literals: ['NATS_URL=nats://nats.example.com:4222'] },
      ];
      kustomization.patches = kustomization.patches.filter(({ target }) => target.name !== 'nats');
    });
    expect(podsOf(manifests).map(({ name }) => name)).not.toContain('nats');
    expect(configOf(manifests, 'sluice-settings')['NATS_URL']).toBe('nats://nats.example.com:4222');
  });
});
