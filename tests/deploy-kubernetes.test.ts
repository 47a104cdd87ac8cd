import path from 'node:path';
import { projectRoot } from '@sluice/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildOverlay, configOf, kubectl } from './deploy/kustomize.ts';
import { faultsOf, type Manifest } from './deploy/manifest.ts';
import { mayConnect } from './deploy/network.ts';
import { podsOf, type Pod } from './deploy/pod.ts';

const services = ['admin', 'broadcaster', 'edge', 'marketdata', 'ratelimit', 'router'];
/** One of a kind at work, or hardly any work: more of them would carry no more. */
const unscaled = ['admin', 'broadcaster'];

describe.each(['laptop', 'production'])('overlay %s', (overlay) => {
  if (kubectl.path === '') {
    it.skip(`is not built: ${kubectl.reason}`);
    return;
  }
  let manifests: Manifest[];
  let pods: Pod[];
  const ofKind = (kind: string): Manifest[] => manifests.filter((manifest) => manifest.kind === kind);
  const names = (kind: string): string[] =>
    ofKind(kind)
      .map(({ metadata }) => metadata.name)
      .toSorted();

  beforeAll(async () => {
    manifests = await buildOverlay(path.join(projectRoot, 'deploy/k8s/overlays', overlay));
    pods = podsOf(manifests);
  });

  it('is correct by the schemas of Kubernetes, without unknown fields', async () => {
    const faults = await Promise.all(manifests.map(faultsOf));
    expect(faults.flat()).toEqual([]);
    const keys = manifests.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
    expect(new Set(keys).size).toBe(keys.length);
    for (const { kind, metadata } of manifests)
      expect(metadata.namespace, metadata.name).toBe(kind === 'Namespace' ? undefined : 'sluice');
  });

  it('has one Deployment per service, each with a disruption budget and spread over nodes', () => {
    expect(names('Deployment')).toEqual(services);
    expect(names('PodDisruptionBudget')).toEqual([...services, 'nats'].toSorted());
    for (const { name, spec, labels, selector } of pods) {
      expect(labels, name).toMatchObject(selector);
      if (name === 'timescaledb') continue;
      expect(spec.topologySpreadConstraints?.[0]?.topologyKey, name).toBe('kubernetes.io/hostname');
      for (const { labelSelector } of spec.topologySpreadConstraints ?? [])
        expect(labels, name).toMatchObject(labelSelector.matchLabels);
    }
    for (const budget of ofKind('PodDisruptionBudget')) {
      const spec = budget['spec'] as { maxUnavailable: number; selector: { matchLabels: object } };
      expect(spec.maxUnavailable).toBe(1);
      expect(pods.find(({ name }) => name === budget.metadata.name)?.labels).toMatchObject(
        spec.selector.matchLabels,
      );
    }
  });

  it('lets every service scale alone that carries more with more replicas', () => {
    expect(names('HorizontalPodAutoscaler')).toEqual(
      overlay === 'production' ? services.filter((name) => !unscaled.includes(name)) : [],
    );
    for (const scaler of ofKind('HorizontalPodAutoscaler')) {
      const spec = scaler['spec'] as {
        scaleTargetRef: { name: string };
        minReplicas: number;
        maxReplicas: number;
      };
      expect(spec.scaleTargetRef.name).toBe(scaler.metadata.name);
      expect(spec.minReplicas).toBeGreaterThanOrEqual(2);
      expect(spec.maxReplicas).toBeGreaterThan(spec.minReplicas);
      // A fixed number would fight with the scaler at every apply.
      expect(pods.find(({ name }) => name === scaler.metadata.name)?.replicas).toBeUndefined();
    }
    expect(pods.find(({ name }) => name === 'nats')?.replicas).toBe(3);
  });

  it('gives pods no rights: not root, nothing to write to, no token, no capability', () => {
    expect(manifests.filter(({ kind }) => /Role|Secret/.test(kind))).toEqual([]);
    expect(names('ServiceAccount')).toEqual(pods.map(({ name }) => name).toSorted());
    for (const account of ofKind('ServiceAccount'))
      expect(account['automountServiceAccountToken']).toBe(false);
    for (const { name, spec } of pods) {
      expect(spec, name).toMatchObject({
        serviceAccountName: name,
        automountServiceAccountToken: false,
        securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      });
      expect(spec.securityContext.runAsUser, name).toBeGreaterThan(0);
      for (const container of spec.containers) {
        expect(container.securityContext, name).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
        expect(Object.keys(container.resources.requests).toSorted(), name).toEqual(['cpu', 'memory']);
        expect(container.resources.limits, name).toHaveProperty('memory');
        expect(container.image, name).toMatch(/:[^:]+$/);
      }
    }
  });

  it('probes the health endpoints', () => {
    for (const { name, spec } of pods.filter((pod) => services.includes(pod.name))) {
      const [container] = spec.containers;
      expect(container?.ports.find((port) => port.name === 'ops')?.containerPort, name).toBe(9090);
      expect(container?.startupProbe.httpGet, name).toEqual({ path: '/health/live', port: 'ops' });
      expect(container?.livenessProbe.httpGet, name).toEqual({ path: '/health/live', port: 'ops' });
      expect(container?.readinessProbe.httpGet, name).toEqual({ path: '/health/ready', port: 'ops' });
    }
  });

  it('grants every service the time that it takes to stop', () => {
    // runService ends a stop that takes longer than this.
    const stopLimit = 30;
    for (const { name, spec } of pods.filter((pod) => services.includes(pod.name))) {
      const [container] = spec.containers;
      const preStop = container?.lifecycle?.preStop?.sleep?.seconds ?? 0;
      expect(spec.terminationGracePeriodSeconds, name).toBeGreaterThan(preStop + stopLimit);
      expect(preStop > 0, name).toBe(name === 'edge');
      if (name !== 'edge') continue;
      const seconds = (variable: string): number =>
        Number(container?.env.find((entry) => entry.name === variable)?.value) / 1_000;
      const inOrder =
        seconds('SLUICE_EDGE_DRAIN_DELAY') + seconds('SLUICE_EDGE_STOP_GRACE') + seconds('SLUICE_LIVE_DRAIN');
      // An edge ends a stop by its own settings: 5 s for live clients to answer the close and 3 s for NATS come on top.
      expect(spec.terminationGracePeriodSeconds).toBeGreaterThan(preStop + inOrder + 8);
      // "Not ready" must be seen before the edge stops accepting.
      const probe = container?.readinessProbe;
      expect(seconds('SLUICE_EDGE_DRAIN_DELAY')).toBeGreaterThan(
        (probe?.periodSeconds ?? 0) * (probe?.failureThreshold ?? 0),
      );
    }
  });

  it('takes secrets by reference only', () => {
    const secret = /PASSWORD|TOKEN|SECRET|DATABASE_URL|ADMIN_KEY/;
    for (const { name, spec } of pods)
      for (const container of spec.containers)
        for (const entry of container.env)
          if (secret.test(entry.name)) {
            expect(entry.value, `${name} ${entry.name}`).toBeUndefined();
            expect(entry.valueFrom?.secretKeyRef?.name, `${name} ${entry.name}`).toMatch(/^sluice-/);
          }
    for (const map of ofKind('ConfigMap'))
      expect(Object.keys(map['data'] as object).filter((key) => secret.test(key))).toEqual([]);
  });

  it('leaves nothing but NATS between services', () => {
    const ports = [4222, 5432, 6222, 8080, 8222, 9090];
    const open = pods.flatMap((from) =>
      pods.flatMap((to) =>
        ports
          .filter((port) => mayConnect(manifests, from, to, port))
          .map((port) => `${from.name} → ${to.name}:${port}`),
      ),
    );
    expect(open.toSorted()).toEqual(
      [
        ...services.map((name) => `${name} → nats:4222`),
        'nats → nats:6222',
        ...(overlay === 'laptop' ? ['marketdata → timescaledb:5432'] : []),
      ].toSorted(),
    );
  });

  it('sends NATS to every node by its name and keeps three copies', () => {
    const settings = configOf(manifests, 'sluice-settings');
    expect(settings).toMatchObject({
      NATS_REPLICAS: '3',
      NATS_URL: [0, 1, 2].map((node) => `nats://nats-${node}.nats:4222`).join(','),
    });
    const store = Number.parseInt(configOf(manifests, 'nats-limits')['NATS_FILE_STORE'] ?? '', 10);
    // The stream of market events reserves its whole size on every node.
    expect(store * 1e9).toBeGreaterThan(Number(settings['MARKET_MAX_BYTES']));
    const claim = manifests.find(
      ({ kind, metadata }) => kind === 'StatefulSet' && metadata.name === 'nats',
    )?.['spec'] as { volumeClaimTemplates: { spec: { resources: { requests: { storage: string } } } }[] };
    const volume = claim.volumeClaimTemplates[0]?.spec.resources.requests.storage ?? '';
    expect(Number.parseInt(volume, 10) * 1024 ** 3).toBeGreaterThan(store * 1e9);
  });
});
