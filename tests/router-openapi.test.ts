import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { endpoint, startService, z, type MicroService } from '@sluice/service';
import { nodeProgram, projectRoot, until } from '@sluice/testing';
import {
  askSubject,
  startPlainService,
  openDocument,
  startRouters,
  wireRequest,
  type RouterStack,
} from './router-kit.ts';

interface Operation {
  operationId: string;
  summary: string;
  parameters: { name: string; in: string }[];
  requestBody?: object;
  responses: Record<string, object>;
}

interface Document {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Record<string, unknown>> };
  'x-sluice-schemas'?: string;
}

let router: RouterStack;
const services: MicroService[] = [];

beforeAll(async () => {
  router = await startRouters({
    services: ['router', 'edge'],
    document: `${openDocument}routes:
  - {id: declared, method: POST, path: "/declared/{name}", subject: test.declared, summary: Declared, schema: {query: {properties: {loud: {type: boolean}}}}}
`,
    env: { SLUICE_SCHEMA_MAX_AGE_MS: '100' },
  });
});
afterAll(async () => {
  await Promise.all(services.map((service) => service.stop()));
  await router[Symbol.asyncDispose]();
});

async function fetchDocument(): Promise<Document> {
  const response = await fetch(`${router.stack.gateway}/openapi.json`);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('application/json');
  return (await response.json()) as Document;
}

function operations(document: Document): Record<string, Operation> {
  const all = Object.values(document.paths).flatMap((item) => Object.values(item));
  return Object.fromEntries(all.map((operation) => [operation.operationId, operation]));
}

/** Waits until the document lists all of these, and gives it. */
function documentWith(...ids: string[]): Promise<Document> {
  return until(async () => {
    const document = await fetchDocument();
    const listed = operations(document);
    return ids.every((id) => listed[id]) ? document : undefined;
  });
}

/** A service whose schema subject answers whatever the test says. */
async function startWithSchema(
  name: string,
  answer: () => string | Uint8Array | null,
): Promise<MicroService> {
  const subject = `sluice.schema.${name}.get`;
  router.bus.subscribe(subject, (message) => {
    const text = answer();
    if (text !== null) message.respond(text);
  });
  const service = await startPlainService(router.bus, name, {
    get: { 'sluice.route': `GET /${name}/{id}`, 'sluice.schema': subject, 'sluice.summary': name },
  });
  services.push(service);
  return service;
}

const order = z.object({
  id: z.string(),
  lines: z.array(z.object({ sku: z.string(), count: z.number().int() })),
});
const tree: z.ZodType = z.lazy(() => z.object({ value: z.string(), children: z.array(tree) }));

describe('GET /openapi.json', () => {
  test('is assembled from what services say, and the linter of Redocly finds no error in it', async () => {
    services.push(
      await startService(router.bus, {
        name: 'orders',
        version: '1.0.0',
        description: 'Orders.',
        endpoints: {
          get: endpoint({
            route: 'GET /v1/orders/{id}',
            summary: 'One order',
            description: 'Gives an order by its id.',
            tags: ['orders'],
            params: z.object({ id: z.string().regex(/^o/) }),
            query: z.object({
              limit: z.coerce.number().int().max(100).default(10),
              full: z.enum(['true', 'false']).meta({ type: 'boolean' }).optional(),
            }),
            response: order,
            handler: ({ params }) => ({ id: params.id, lines: [] }),
          }),
          add: endpoint({
            route: 'POST /v1/orders',
            summary: 'Adds an order',
            status: 201,
            body: order.omit({ id: true }),
            response: order,
            handler: ({ body }) => ({ id: 'o1', ...body }),
          }),
          tree: endpoint({
            route: 'PUT /v1/trees/{name}/{rest...}',
            summary: 'Trees of trees',
            body: tree,
            handler: () => ({}),
          }),
        },
      }),
    );
    const document = await documentWith('orders.get', 'orders.add', 'orders.tree', 'declared', 'openapi');
    expect(document.openapi).toBe('3.1.0');
    const { get, add } = {
      get: operations(document)['orders.get']!,
      add: operations(document)['orders.add']!,
    };
    expect(get).toMatchObject({
      summary: 'One order',
      description: 'Gives an order by its id.',
      tags: ['orders'],
    });
    expect(get.parameters.map(({ name, in: where }) => `${where} ${name}`)).toEqual([
      'path id',
      'query limit',
      'query full',
    ]);
    expect(Object.keys(add.responses)).toEqual(['201', '4XX', '5XX']);
    expect(document.components.schemas['orders.add.body']).toMatchObject({ required: ['lines'] });
    expect(document.paths['/declared/{name}']?.['post']).toMatchObject({
      operationId: 'declared',
      parameters: [
        { name: 'name', in: 'path' },
        { name: 'loud', in: 'query' },
      ],
      summary: 'Declared',
    });
    await lint(document);
  });

  test('lists routes whose schemas are missing, bad or too much, without them', async () => {
    let deep = '{"type":"string"}';
    for (let i = 0; i < 200; i++) deep = `{"not":${deep}}`;
    const names = {
      silent: () => null,
      nonsense: () => '\u0000',
      wrong: () => '{"body": {"type": "banana"}}',
      deep: () => `{"body": ${deep}}`,
      huge: () => JSON.stringify({ summary: 'x'.repeat(500_000) }),
      foreign: () => '{"response": {"$ref": "http://127.0.0.1:1/secret"}, "summary": "Foreign"}',
    };
    for (const [name, answer] of Object.entries(names)) await startWithSchema(name, answer);
    const ids = Object.keys(names).map((name) => `${name}.get`);
    const document = await documentWith(...ids);
    for (const id of ids) expect(operations(document)[id]?.parameters).toHaveLength(1);
    expect(operations(document)['foreign.get']?.summary).toBe('Foreign');
    expect(operations(document)['wrong.get']?.summary).toBe('wrong');
    expect(JSON.stringify(document)).not.toContain('127.0.0.1:1/secret');
    const { logs } = router.stack.service('router').process;
    const told = (): unknown[] =>
      logs.filter(({ msg }) => msg === 'schema left out of the API document').map(({ route }) => route);
    await until(() =>
      ['silent', 'nonsense', 'wrong', 'deep', 'huge'].every((name) => told().includes(`${name}.get`)),
    );
    await fetchDocument();
    expect(told().filter((route) => route === 'wrong.get')).toHaveLength(1);
    await lint(document);
  });

  test('follows a backend that is replaced under the same version, and one that goes', async () => {
    let summary = 'Before';
    const service = await startWithSchema('changing', () => JSON.stringify({ summary }));
    await until(async () => operations(await fetchDocument())['changing.get']?.summary === 'Before');
    summary = 'After';
    await until(async () => operations(await fetchDocument())['changing.get']?.summary === 'After');
    await service.stop();
    await until(async () => operations(await fetchDocument())['changing.get'] === undefined);
  });

  test('larger than a message is compressed where the client takes that, and has no schemas elsewhere', async () => {
    const description = Array.from({ length: 6_000 }, (_, n) => `word${n}`)
      .join(' ')
      .slice(0, 3_900);
    const body = {
      type: 'object',
      properties: Object.fromEntries(Array.from({ length: 25 }, (_, n) => [`p${n}`, { description }])),
    };
    const metadata: Record<string, Record<string, string>> = {};
    const subject = 'sluice.schema.bulk.all';
    router.bus.subscribe(subject, (message) => message.respond(JSON.stringify({ body })));
    for (let n = 0; n < 100; n++)
      metadata[`e${n}`] = { 'sluice.route': `POST /bulk/${n}`, 'sluice.schema': subject };
    services.push(await startPlainService(router.bus, 'bulk', metadata));
    const ask = (encoding: string[]) =>
      askSubject(
        router.bus,
        'sluice.openapi',
        wireRequest('openapi', { headers: encoding, deadline: Date.now() + 10_000 }),
      );
    // The test server takes 8 MB, so this is more than a message only because of a hundred copies.
    const bare = await until(
      async () => {
        const answer = await ask([]);
        return answer.json['x-sluice-schemas'] === 'omitted' ? answer : undefined;
      },
      { timeoutMs: 20_000 },
    );
    expect(operations(bare.json as unknown as Document)['bulk.e99']).toBeDefined();
    for (const refused of ['gzip;q=0', 'br'])
      expect((await ask(['accept-encoding', refused])).header('content-encoding')).toEqual([]);
    const packed = await ask(['accept-encoding', 'br, gzip;q=0.5']);
    expect(packed.header('content-encoding')).toEqual(['gzip']);
    const whole = JSON.parse(gunzipSync(packed.body).toString()) as Document;
    expect(whole.components.schemas['bulk.e99.body']).toBeDefined();
    expect((await fetchDocument()).paths['/bulk/99']).toBeDefined();
  });
});

/** Rejects with what the linter says when there is an error. */
async function lint(document: object): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'sluice-openapi-'));
  try {
    const file = path.join(folder, 'openapi.json');
    await writeFile(file, JSON.stringify(document));
    const cli = path.join(projectRoot, 'node_modules/@redocly/cli/bin/cli.js');
    await promisify(execFile)(nodeProgram, [cli, 'lint', file, '--extends=recommended', '--format=stylish'], {
      cwd: folder,
      env: { ...process.env, REDOCLY_TELEMETRY: 'off' },
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
