import { randomUUID } from 'node:crypto';
import { connectBus, type Bus } from '@sluice/nats';
import { followDocument, type DocumentFollower } from '@sluice/policy';
import { startService } from '@sluice/service';
import { createRegistry, type Registry } from '@sluice/telemetry';
import { startNatsServer, type TestNats } from '@sluice/testing';
import { decodeResponse, encodeRequest, headerValue, type Identity } from '@sluice/wire';
import { adminEndpoints } from '../endpoints.ts';
import { adminMetrics } from '../metrics.ts';
import { openStores, type Stores } from '../stores.ts';

/** Members that tests look into; endpoints have some of them. */
export interface AnswerBody {
  readonly [member: string]: unknown;
  readonly id: string;
  readonly at: number;
  readonly key: string;
  readonly data: readonly AnswerRow[];
  readonly next: string | null;
  readonly errors: readonly { readonly pointer: string; readonly detail: string }[];
}

export interface AnswerRow {
  readonly [member: string]: unknown;
  readonly id: string;
  readonly action: string;
  readonly target: string;
  readonly outcome: string;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
  /** The body as JSON. */
  readonly json: AnswerBody;
  header(name: string): string | undefined;
  /** The `ETag`; throws where there is none. */
  readonly etag: string;
}

export interface Asked {
  readonly identity?: Identity | null;
  readonly params?: Record<string, string>;
  readonly query?: string;
  readonly headers?: readonly string[];
  /** Sent as JSON, a text as it is. */
  readonly body?: unknown;
}

export const person = (subject: string, ...roles: string[]): Identity => ({
  subject,
  kind: 'jwt',
  roles,
  scopes: [],
  tenant: null,
});

/** The control API in this process on a server of its own. Calls come from an administrator unless they say otherwise. */
export interface TestAdmin {
  readonly nats: TestNats;
  readonly bus: Bus;
  readonly document: DocumentFollower;
  readonly stores: Stores;
  readonly registry: Registry;
  /** Calls an endpoint by its name, as a router does. */
  ask(endpoint: string, asked?: Asked): Promise<Answer>;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function startAdmin(
  options: { nats?: TestNats; bus?: Bus; auditDays?: number } = {},
): Promise<TestAdmin> {
  const nats = options.nats ?? (await startNatsServer());
  const bus = options.bus ?? (await connectBus({ servers: [nats.url], name: 'admin test' }));
  const document = await followDocument(bus, { replicas: 1 });
  const registry = createRegistry('admin');
  const metrics = adminMetrics(registry);
  const stores = await openStores(bus, {
    replicas: 1,
    auditDays: options.auditDays ?? 0,
    document,
    metrics,
    report: () => {},
  });
  const service = await startService(bus, {
    name: 'admin',
    version: '1.0.0',
    description: 'The control API in a test',
    data: () => ({ document: document.revision }),
    endpoints: adminEndpoints({ bus, document, stores, metrics }),
  });
  return {
    nats,
    bus,
    document,
    stores,
    registry,
    ask: (endpoint, asked = {}) => ask(bus, endpoint, asked),
    async [Symbol.asyncDispose]() {
      document.stop();
      if (bus.connected) await service.stop();
      await bus.close();
      if (options.nats === undefined) await nats.stop();
    },
  };
}

async function ask(bus: Bus, endpoint: string, asked: Asked): Promise<Answer> {
  const { body } = asked;
  const deadline = Date.now() + 20_000;
  const payload = encodeRequest({
    method: 'POST',
    path: '/admin/v1/test',
    route: endpoint,
    params: asked.params ?? {},
    query: asked.query ?? '',
    headers: asked.headers ?? [],
    body:
      body === undefined
        ? Buffer.alloc(0)
        : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
    identity: asked.identity === undefined ? person('ada', 'admin', 'viewer') : asked.identity,
    client: '203.0.113.9',
    id: randomUUID(),
    deadline,
    trace: '',
  });
  const message = await bus.request(`sluice.admin.${endpoint}`, payload, { deadline });
  const response = decodeResponse(message.data);
  const text = Buffer.from(response.body).toString();
  const header = (name: string): string | undefined => headerValue(response.headers, name);
  return {
    status: response.status,
    text,
    get json() {
      return JSON.parse(text) as AnswerBody;
    },
    header,
    get etag() {
      const tag = header('etag');
      if (tag === undefined) throw new Error(`no ETag in the answer ${response.status} ${text}`);
      return tag;
    },
  };
}
