import { randomUUID } from 'node:crypto';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connectBus, type Bus } from '@sluice/nats';
import { startMicroService, type MicroService } from '@sluice/service';
import { startStack, type TestStack } from '@sluice/testing';
import { decodeResponse, encodeRequest, headerValues, subjects, type WireRequest } from '@sluice/wire';

/** A router, a bus, and a gateway document to write: what the router's black-box tests start with. */
export interface RouterStack {
  readonly stack: TestStack;
  readonly bus: Bus;
  /** Replaces the gateway document in one step, as editors and ConfigMaps do. */
  writeDocument(yaml: string): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** The document that says nothing else: whoever says nothing about who may call is open. */
export const openDocument = 'defaults: {auth: public}\n';

export async function startRouters(
  options: { document?: string; services?: readonly string[]; env?: Record<string, string> } = {},
): Promise<RouterStack> {
  const folder = await mkdtemp(path.join(tmpdir(), 'sluice-router-'));
  const file = path.join(folder, 'gateway.yaml');
  await writeFile(file, options.document ?? openDocument);
  const stack = await startStack({
    services: options.services ?? ['router'],
    env: { SLUICE_GATEWAY_FILE: file, SLUICE_LOG_LEVEL: 'debug', ...options.env },
  });
  const bus = await connectBus({ servers: [stack.natsUrl], name: 'test' });
  return {
    stack,
    bus,
    async writeDocument(yaml) {
      await writeFile(`${file}.new`, yaml);
      await rename(`${file}.new`, file);
    },
    async [Symbol.asyncDispose]() {
      await bus.close();
      await stack.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export function wireRequest(route: string, more: Partial<WireRequest> = {}): WireRequest {
  return {
    method: 'GET',
    path: '/v1/test',
    route,
    params: {},
    query: '',
    headers: ['host', 'gateway.test'],
    body: Buffer.alloc(0),
    identity: null,
    client: '127.0.0.1',
    id: randomUUID(),
    deadline: Date.now() + 5_000,
    trace: '',
    ...more,
  };
}

export interface Answer {
  readonly status: number;
  readonly body: Buffer;
  readonly text: string;
  /** The body parsed as JSON. */
  readonly json: Record<string, unknown>;
  header(name: string): string[];
}

/** What an edge does: one envelope to the routers, one back. */
export async function ask(bus: Bus, route: string, more: Partial<WireRequest> = {}): Promise<Answer> {
  return askSubject(bus, subjects.route, wireRequest(route, more));
}

export async function askSubject(bus: Bus, subject: string, request: WireRequest): Promise<Answer> {
  // Longer than the request's own deadline: the router's 504 is to be seen, not our own.
  const deadline = Math.max(request.deadline, Date.now()) + 2_000;
  const message = await bus.request(subject, encodeRequest(request), { deadline });
  const response = decodeResponse(message.data);
  const body = Buffer.from(response.body);
  return {
    status: response.status,
    body,
    text: body.toString(),
    get json() {
      return JSON.parse(body.toString()) as Record<string, unknown>;
    },
    header: (name) => headerValues(response.headers, name),
  };
}

/** An ADR-32 service without the SDK's envelope: its endpoints answer their name, their metadata is given as it is. */
export function startPlainService(
  bus: Bus,
  name: string,
  endpoints: Record<string, Record<string, string>>,
  options: { version?: string; answer?: string } = {},
): Promise<MicroService> {
  return startMicroService(bus, {
    name,
    version: options.version ?? '1.0.0',
    description: 'A test.',
    endpoints: Object.entries(endpoints).map(([endpoint, metadata]) => ({
      name: endpoint,
      subject: `${name}.${endpoint}`,
      metadata,
      handle: (message) => message.respond(options.answer ?? endpoint),
    })),
  });
}

/** The value of a metric's series, 0 when it is not there. `series` as Prometheus prints it, without the service label. */
export async function metric(
  ops: string,
  name: string,
  labels: Record<string, string> = {},
): Promise<number> {
  const text = await (await fetch(`${ops}/metrics`)).text();
  for (const line of text.split('\n')) {
    if (!line.startsWith(`${name}{`) && !line.startsWith(`${name} `)) continue;
    if (Object.entries(labels).every(([key, value]) => line.includes(`${key}="${value}"`)))
      return Number(line.slice(line.lastIndexOf(' ')));
  }
  return 0;
}
