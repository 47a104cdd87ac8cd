import { describe, expect, it } from 'vitest';
import { faultsOf, type Manifest } from './deploy/manifest.ts';

/** The strict check itself: it must find what `kubectl apply` would refuse, and nothing else. */
function deployment(
  change: (container: Record<string, unknown>, pod: Record<string, unknown>) => void = () => {},
): Manifest {
  const container: Record<string, unknown> = {
    name: 'service',
    image: 'sluice-edge:0.1.0',
    ports: [{ name: 'http', containerPort: 8080 }],
    env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'secret', key: 'a' } } }],
    readinessProbe: { httpGet: { path: '/', port: 'http' } },
    lifecycle: { preStop: { sleep: { seconds: 5 } } },
    resources: { requests: { cpu: '100m', memory: '64Mi' } },
  };
  const pod: Record<string, unknown> = { containers: [container] };
  change(container, pod);
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'edge', labels: { 'any.key/at-all': 'fits' } },
    spec: {
      selector: { matchLabels: { app: 'edge' } },
      template: { metadata: { labels: { app: 'edge' } }, spec: pod },
    },
  };
}

const container = '/spec/template/spec/containers/0';

describe('the strict check of manifests', () => {
  it('accepts a correct object', async () => {
    expect(await faultsOf(deployment())).toEqual([]);
  });

  it.each<[string, string, Manifest]>([
    ['at the top', ': unknown field', { ...deployment(), replicas: 2 }],
    ['in a pod', `/hostNetworking: unknown field`, deployment((_, pod) => (pod['hostNetworking'] = false))],
    ['in a container', `${container}/imagePolicy: unknown`, deployment((c) => (c['imagePolicy'] = 'Always'))],
    [
      'in a list in a container',
      `${container}/ports/0/targetPort: unknown`,
      deployment((c) => (c['ports'] = [{ containerPort: 1, targetPort: 2 }])),
    ],
    [
      'deep in a probe',
      `${container}/readinessProbe/httpGet/url: unknown`,
      deployment((c) => (c['readinessProbe'] = { httpGet: { port: 1, url: '/' } })),
    ],
  ])('finds an unknown field %s', async (_, fault, manifest) => {
    const faults = await faultsOf(manifest);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain(fault);
  });

  it.each<[string, Manifest]>([
    ['a text for a number', deployment((c) => (c['ports'] = [{ containerPort: '8080' }]))],
    ['a number for a text', deployment((c) => (c['env'] = [{ name: 'A', value: 1 }]))],
    ['a missing member', deployment((c) => delete c['name'])],
    ['an object for a list', deployment((c) => (c['ports'] = { containerPort: 1 }))],
    ['a kind that does not exist', { ...deployment(), kind: 'Deploymint' }],
    ['a group that does not have the kind', { ...deployment(), apiVersion: 'batch/v1' }],
  ])('finds %s', async (_, manifest) => {
    expect(await faultsOf(manifest)).not.toEqual([]);
  });
});
