import type { Manifest } from './manifest.ts';
import type { Pod } from './pod.ts';

type Labels = Readonly<Record<string, string>>;
interface Peer {
  readonly podSelector?: { readonly matchLabels?: Labels };
  readonly namespaceSelector?: unknown;
  readonly ipBlock?: unknown;
}
interface Rule {
  readonly from?: readonly Peer[];
  readonly to?: readonly Peer[];
  readonly ports?: readonly { readonly port: number }[];
}
interface Policy {
  readonly podSelector: { readonly matchLabels?: Labels };
  readonly policyTypes: readonly string[];
  readonly ingress?: readonly Rule[];
  readonly egress?: readonly Rule[];
}

/**
 * Whether the policies let a pod of `from` open a connection to `port` of a pod of `to`, both in this namespace: what
 * leaves one must be allowed, and what enters the other (Kubernetes API, NetworkPolicySpec: a pod that no policy of a
 * direction selects is open in it; otherwise any rule that fits is enough).
 */
export function mayConnect(manifests: readonly Manifest[], from: Pod, to: Pod, port: number): boolean {
  const policies = manifests
    .filter(({ kind }) => kind === 'NetworkPolicy')
    .map((manifest) => manifest['spec'] as Policy);
  const rules = (pod: Pod, direction: 'Ingress' | 'Egress'): readonly Rule[] | 'open' => {
    const selecting = policies.filter(
      (policy) => policy.policyTypes.includes(direction) && fits(policy.podSelector.matchLabels, pod),
    );
    if (selecting.length === 0) return 'open';
    return selecting.flatMap((policy) => (direction === 'Ingress' ? policy.ingress : policy.egress) ?? []);
  };
  const allowed = (list: readonly Rule[] | 'open', peer: Pod): boolean =>
    list === 'open' ||
    list.some((rule) => {
      const peers = rule.from ?? rule.to;
      const reaches =
        peers === undefined ||
        peers.some(
          (one) =>
            one.ipBlock === undefined &&
            one.namespaceSelector === undefined &&
            fits(one.podSelector?.matchLabels, peer),
        );
      return reaches && (rule.ports === undefined || rule.ports.some((each) => each.port === port));
    });
  return allowed(rules(from, 'Egress'), to) && allowed(rules(to, 'Ingress'), from);
}

function fits(wanted: Labels = {}, pod: Pod): boolean {
  return Object.entries(wanted).every(([key, value]) => pod.labels[key] === value);
}
