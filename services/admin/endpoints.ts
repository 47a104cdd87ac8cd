import type { Bus } from '@sluice/nats';
import type { DocumentFollower } from '@sluice/policy';
import type { Endpoint } from '@sluice/service';
import { auditEndpoints } from './audit/endpoints.ts';
import { consumerEndpoints } from './consumers/endpoints.ts';
import { documentEndpoints } from './document/endpoints.ts';
import { DocumentEditor } from './document/editor.ts';
import { DocumentWork } from './document/document-work.ts';
import { Handlers } from './endpoint.ts';
import { keyEndpoints } from './keys/endpoints.ts';
import { KeyIssuer } from './keys/issuer.ts';
import type { Metrics } from './metrics.ts';
import { revocationEndpoints } from './revocations/endpoints.ts';
import { statusEndpoints } from './status/endpoints.ts';
import type { Stores } from './stores.ts';
import { usageEndpoints } from './usage/endpoints.ts';

export interface AdminOptions {
  readonly bus: Bus;
  readonly document: DocumentFollower;
  readonly stores: Stores;
  readonly metrics: Metrics;
}

/** The control API, endpoint by endpoint. */
export function adminEndpoints({ bus, document, stores, metrics }: AdminOptions): Record<string, Endpoint> {
  const { audit, consumers, directory, keys, revocations } = stores;
  const handlers = new Handlers(metrics);
  const work = new DocumentWork();
  const common = { bus, document, directory, keys, audit, handlers };
  return {
    ...documentEndpoints({ ...common, work, editor: new DocumentEditor(bus, audit, work) }),
    ...consumerEndpoints({ ...common, store: consumers }),
    ...keyEndpoints({ ...common, issuer: new KeyIssuer(common) }),
    ...revocationEndpoints({ ...common, store: revocations }),
    ...auditEndpoints(common),
    ...usageEndpoints(common),
    ...statusEndpoints(common),
  };
}
