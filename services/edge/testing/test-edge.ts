import { loadConfig } from '@sluice/config';
import { connectBus, openBucket, type Bus } from '@sluice/nats';
import type { GatewayInput } from '@sluice/policy';
import {
  followRoutes,
  routeKey,
  routesBucket,
  plainRoute,
  type CompiledRoute,
  type RouteTable,
} from '@sluice/routes';
import { Registry } from '@sluice/telemetry';
import { startNatsServer, until, type TestNats } from '@sluice/testing';
import {
  decodeRequest,
  encodeResponse,
  subjects,
  type FlatHeaders,
  type WireRequest,
  type WireResponse,
} from '@sluice/wire';
import { AddressBook } from '../addresses/mod.ts';
import { edgeConfig, type HttpConfig } from '../config.ts';
import { openAuthenticator, type OpenAuthenticator } from '../credentials/open-authenticator.ts';
import { gatewayCaller } from '../gateway.ts';
import { HttpServer } from '../http/server.ts';
import { edgePhases, type Phases } from '../lifecycle.ts';
import { createLimits } from '../limits/mod.ts';
import type { GatewayCaller, Live } from '../live-port.ts';
import { localRoutes } from '../local-routes.ts';
import { edgeMetrics, type EdgeMetrics } from '../metrics.ts';
import { loginRoutes, Logins, Sessions } from '../oauth/mod.ts';
import { referencePages } from '../reference/pages.ts';
import type { Certificate } from '../tls/certificate.ts';
import { TestDocuments } from './documents.ts';

export type AccessRecord = Record<string, unknown>;

/** What the router's side of the tests answers: a response, or raw bytes in its place. */
export type Backend = (
  request: WireRequest,
) => Partial<WireResponse> | Uint8Array | Promise<Partial<WireResponse> | Uint8Array>;

/** An edge in this process, on a real NATS server, with a router that the test plays itself. */
export interface TestEdge {
  readonly url: string;
  readonly nats: TestNats;
  /** A connection of the test's own. */
  readonly bus: Bus;
  /** The edge's connection. */
  readonly edgeBus: Bus;
  readonly table: RouteTable;
  readonly registry: Registry;
  readonly metrics: EdgeMetrics;
  readonly phases: Phases;
  readonly documents: TestDocuments;
  readonly addresses: AddressBook;
  readonly authenticator: OpenAuthenticator;
  readonly sessions: Sessions;
  readonly http: HttpServer;
  readonly call: GatewayCaller;
  /** Access records and warnings, in order. */
  readonly records: AccessRecord[];
  readonly failures: AccessRecord[];
  /** Requests that reached the router. */
  readonly received: WireRequest[];
  backend: Backend;
  /** Stops and starts the test's router subscription. */
  routerAway(away: boolean): Promise<void>;
  /** Puts another gateway document into force. */
  document(input: GatewayInput): Promise<void>;
  route(route: Partial<CompiledRoute> & { path: string }): Promise<CompiledRoute>;
  /** The record with this request id, once it is written. */
  recordOf(requestId: string): Promise<AccessRecord>;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface TestEdgeOptions {
  readonly config?: Partial<HttpConfig>;
  readonly document?: GatewayInput;
  /** With one the edge speaks TLS. */
  readonly certificate?: Certificate;
  readonly nats?: TestNats;
  readonly natsConfig?: string;
  readonly live?: Partial<Live>;
  readonly tickMs?: number;
}

const refuseLive: Pick<Live, 'handleSse' | 'handleUpgrade'> = {
  handleSse: () => {
    throw new Error('this edge has no live side');
  },
  handleUpgrade: () => {
    throw new Error('this edge has no live side');
  },
};

export async function startTestEdge(options: TestEdgeOptions = {}): Promise<TestEdge> {
  const nats = options.nats ?? (await startNatsServer({ config: options.natsConfig ?? '' }));
  const connection = { servers: [nats.url], name: 'test' };
  const edgeBus = await connectBus(connection);
  const bus = await connectBus(connection);
  const bucket = await openBucket(bus, { name: routesBucket, replicas: 1 });
  const table = await followRoutes(edgeBus, { replicas: 1 });
  await table.loaded;

  const records: AccessRecord[] = [];
  const failures: AccessRecord[] = [];
  const keep = (list: AccessRecord[]) => (fields: object, msg?: string) => void list.push({ ...fields, msg });
  const logger = { warn: keep(failures), error: keep(failures) } as never;
  const settings = loadConfig(edgeConfig, { SLUICE_HTTP_PORT: '0' });
  const config: HttpConfig = { ...settings, ...options.config };
  const registry = new Registry();
  const metrics = edgeMetrics(registry);
  const documents = new TestDocuments(options.document);
  const addresses = new AddressBook({ report: (msg, err) => failures.push({ msg, err }) });
  documents.onChange((document) => void addresses.apply(document));
  await addresses.apply(documents.current);
  const report = (msg: string, err?: unknown): void => void failures.push({ msg, err });
  const logins = new Logins(documents);
  const sessions = new Sessions({
    bus: edgeBus,
    replicas: 1,
    document: documents,
    logins,
    most: settings.sessionCache,
    report,
  });
  const authenticator = await openAuthenticator({
    bus: edgeBus,
    replicas: 1,
    document: documents,
    settings,
    registry,
    methods: [sessions],
    report,
  });
  const { consumers } = authenticator;
  const limits = createLimits({
    bus: edgeBus,
    document: documents,
    consumers,
    settings,
    registry,
    report,
  });
  const phases = edgePhases({
    ...config,
    bus: edgeBus,
    table,
    documents,
    addresses,
    authenticator,
    limits,
    consumers,
    local: localRoutes(
      await referencePages(),
      loginRoutes({ logins, sessions, authenticator, limits, report }),
    ),
    logger,
    metrics,
    writeRecord: (members, msg) => records.push(JSON.parse(`{${members},"msg":"${msg}"}`) as AccessRecord),
  });
  metrics.now.inFlight = () => phases.inFlight.count;
  const live = { ...refuseLive, ...options.live };
  const { certificate = null, tickMs = 50 } = options;
  const http = new HttpServer({ config, phases, live, metrics, certificate, tickMs });
  metrics.now.connections = () => http.connections;
  const url = await http.listen();

  const received: WireRequest[] = [];
  const listen = () =>
    bus.subscribe(
      subjects.route,
      async (message) => {
        const request = decodeRequest(message.data);
        received.push({ ...request, body: Buffer.from(request.body) });
        const answer = await edge.backend(request);
        message.respond(
          answer instanceof Uint8Array
            ? answer
            : encodeResponse({ status: 200, headers: [], body: new Uint8Array(0), ...answer }),
        );
      },
      { queue: 'router' },
    );
  let router = listen();

  const stop = async (): Promise<void> => {
    http.drain();
    await http.close(0);
    table.stop();
    limits.stop();
    addresses.stop();
    await authenticator.stop();
    await Promise.all([bus.close(1_000), edgeBus.close(1_000)]);
    if (options.nats === undefined) await nats.stop();
  };
  const edge: TestEdge = {
    url,
    nats,
    bus,
    edgeBus,
    table,
    registry,
    metrics,
    phases,
    documents,
    addresses,
    authenticator,
    sessions,
    http,
    records,
    failures,
    received,
    call: gatewayCaller(phases),
    backend: () => ({ body: Buffer.from('ok') }),
    async routerAway(away) {
      if (away) router.unsubscribe();
      else router = listen();
      await bus.flush();
    },
    async document(input) {
      documents.set(input);
      await addresses.apply(documents.current);
    },
    async route(given) {
      const route = testRoute(given);
      await bucket.put(routeKey(route.id), JSON.stringify(route));
      await until(() => JSON.stringify(table.get(route.id)) === JSON.stringify(route), {
        message: `route ${route.id} in the table`,
      });
      return route;
    },
    async recordOf(requestId) {
      const find = () => records.find((record) => record['request_id'] === requestId);
      await until(() => find() !== undefined, { message: `a record of ${requestId}` });
      return find() as AccessRecord;
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
  return edge;
}

function testRoute(given: Partial<CompiledRoute> & { path: string }): CompiledRoute {
  return {
    ...plainRoute,
    id: given.path.replaceAll(/[^A-Za-z0-9]+/g, '-').replaceAll(/^-|-$/g, '') || 'root',
    method: 'GET',
    origin: 'declared',
    service: null,
    subject: 'test.subject',
    encoding: 'msgpack',
    auth: 'public',
    timeoutMs: 5_000,
    ...given,
  };
}

/** Names and values of a flat list as pairs, for comparing. */
export function pairs(headers: FlatHeaders): [string, string][] {
  const list: [string, string][] = [];
  for (let i = 0; i < headers.length; i += 2) list.push([headers[i] as string, headers[i + 1] as string]);
  return list;
}
