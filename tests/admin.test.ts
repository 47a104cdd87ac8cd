import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectBus, type Bus } from '@sluice/nats';
import { applyDocument, makeApiKey, readCurrent } from '@sluice/policy';
import { nodeProgram, projectRoot, startStack, until, type TestStack } from '@sluice/testing';
import { gatewayCommand, type CommandRun } from './support/gateway-command.ts';

const firstKey = makeApiKey().text;
const patient = { timeoutMs: 30_000 };

let stack: TestStack;
let bus: Bus;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'sluice-admin-'));
  stack = await startStack({
    locked: true,
    services: ['admin', 'admin', 'router', 'ratelimit', 'edge'],
    env: { SLUICE_ADMIN_KEY: firstKey },
  });
  bus = await connectBus({ servers: [stack.natsUrl], name: 'test' });
  bus.subscribe('test.hello', (message) => message.respond('"hello"'));
  await until(async () => (await call('GET', '/admin/v1/status')).status === 200, patient);
});
afterAll(async () => {
  await bus.close();
  await stack.stop();
  await rm(folder, { recursive: true, force: true });
});

function call(
  method: string,
  target: string,
  options: { key?: string | null; headers?: Record<string, string>; body?: string } = {},
): Promise<Response> {
  const { key = firstKey, headers = {}, body } = options;
  return fetch(stack.gateway + target, {
    method,
    headers: { ...(key === null ? {} : { 'x-api-key': key }), ...headers },
    ...(body === undefined ? {} : { body }),
  });
}

const cli = (...args: string[]): Promise<CommandRun> =>
  gatewayCommand(args, {
    cwd: folder,
    env: { SLUICE_GATEWAY_URL: stack.gateway, SLUICE_ADMIN_KEY: firstKey },
  });

const json = async (response: Promise<Response>): Promise<Record<string, unknown>> =>
  (await (await response).json()) as Record<string, unknown>;

async function write(name: string, text: string): Promise<string> {
  await writeFile(path.join(folder, name), text);
  return name;
}

const document = `
consumers:
  - {id: partner, quotas: [daily]}
quotas:
  daily: {limit: 1000, period: day}
addresses:
  lists:
    office: {file: office.txt}
routes:
  - {id: hello, path: /v1/hello, subject: test.hello, auth: [key], addresses: {allow: [office]}}
`;

describe('the control API at the gateway', () => {
  test('is closed to strangers, and to callers without a role', async () => {
    for (const target of ['/admin/v1/document', '/admin/v1/audit', '/v1/usage']) {
      const response = await call('GET', target, { key: null });
      expect([target, response.status]).toEqual([target, 401]);
      expect(response.headers.get('www-authenticate')).not.toBeNull();
      expect((await call('GET', target, { key: makeApiKey().text })).status).toBe(401);
    }
  });

  test('follows the document by command line: check, apply, live on the edge, export, roll back', async () => {
    await write('office.txt', '127.0.0.0/8 # here\n');
    const file = await write('gateway.yaml', document);
    const dry = await cli('apply', file, '--dry-run');
    expect(dry).toMatchObject({ code: 0, err: '' });
    expect(dry.out).toContain('nothing was applied');
    expect((await call('GET', '/v1/hello')).status).toBe(404);

    const applied = await cli('apply', file, '--comment', 'hello');
    expect(applied).toMatchObject({ code: 0, err: '' });
    expect(applied.out).toMatch(/^\+ consumers: [^]*revision \d+ is in force\n$/);
    await until(async () => ((await json(call('GET', '/v1/hello'))) as unknown) === 'hello', patient);
    expect((await cli('apply', file)).out).toMatch(/^nothing to change: this is revision \d+ already\n$/);

    const exported = await cli('export');
    expect(exported.out).toContain('127.0.0.0/8');
    const second = await write('second.yaml', `${exported.out}limits:\n  burst: {limit: 5, window: 1m}\n`);
    expect((await cli('apply', second)).out).toMatch(/^\+ limits: .*\nrevision \d+ is in force\n$/);

    const back = await cli('rollback', '--json');
    expect(JSON.parse(back.out)).toMatchObject({
      changed: true,
      changes: [{ op: 'remove', path: 'limits' }],
    });
    expect((await cli('export')).out).toBe(exported.out);
    const revisions = (await cli('revisions')).out.trimEnd().split('\n');
    expect(revisions.map((line) => line.split(/ {2,}/).length)).toEqual([4, 4, 3, 4]);
    expect(revisions[1]).toMatch(/^\d+ \* .* admin +rollback to revision \d+$/);
  });

  test('locks nobody out by an address without being forced to, and NATS is a way back', async () => {
    const before = (await readCurrent(bus))!;
    const file = await write('locked.yaml', 'addresses:\n  deny: [127.0.0.0/8]\n');
    const refused = await cli('apply', file);
    expect(refused.code).toBe(1);
    expect(refused.err).toContain('`addresses.deny` of this document refuses the address');
    expect((await readCurrent(bus))?.revision).toBe(before.revision);

    expect(await cli('apply', file, '--force')).toMatchObject({ code: 0, err: '' });
    await until(async () => (await call('GET', '/admin/v1/document')).status === 403, patient);
    await applyDocument(bus, before.document, { expectedRevision: null, author: 'operator' });
    await until(async () => (await call('GET', '/admin/v1/document')).status === 200, patient);
  });

  test('tells what is wrong with a document, and keeps the one in force', async () => {
    const { etag } = { etag: (await call('GET', '/admin/v1/document')).headers.get('etag') };
    const file = await write(
      'wrong.yaml',
      'routes:\n  - {id: a, path: /v1/a, subject: a.b, roles: [byer]}\n',
    );
    const run = await cli('apply', file);
    expect(run.code).toBe(1);
    expect(run.out).toMatch(/^wrong\.yaml:2: routes\[0\]\.roles\[0\]: /);

    const headers = { 'content-type': 'application/yaml', 'if-match': String(etag) };
    const refused = await call('PUT', '/admin/v1/document', { headers, body: 'limits:\n  x: 5\n' });
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({
      code: 'invalid_parameters',
      errors: [{ in: 'body', pointer: '/limits/x', line: 2 }],
    });
    expect(
      (
        await call('PUT', '/admin/v1/document', {
          body: '{}',
          headers: { 'content-type': 'application/json' },
        })
      ).status,
    ).toBe(428);
    expect((await call('GET', '/admin/v1/document')).headers.get('etag')).toBe(etag);
    const again = await call('GET', '/admin/v1/document', { headers: { 'if-none-match': String(etag) } });
    expect([again.status, await again.text()]).toEqual([304, '']);
  });

  test('makes consumers and keys, which work until they are disabled, and counts for them', async () => {
    expect((await cli('consumers', 'create', 'shop', '--quota', 'daily')).out).toMatch(
      /^consumer shop is made/,
    );
    const made = await cli('keys', 'create', 'shop', '--name', 'till', '--expires', '30d');
    expect(made.err).toMatch(/^key \w{12} of consumer shop, good until .*; it is shown this once:\n$/);
    const key = made.out.trim();
    const id = key.split('_')[1] as string;
    await until(async () => (await call('GET', '/v1/hello', { key })).status === 200, patient);

    // The key says whose usage it is; what a client claims about that does not count.
    const forged = { 'sluice-consumer': 'partner' };
    expect(await json(call('GET', '/v1/usage', { key, headers: forged }))).toMatchObject({
      consumer: 'shop',
      quotas: [{ quota: 'daily', period: 'day', limit: 1000 }],
    });
    expect((await cli('usage', 'shop')).out).toMatch(/^QUOTA .*\ndaily +day +\d+ +1000 +\d+ +\d{4}-/);
    expect((await call('GET', '/admin/v1/document', { key })).status).toBe(403);

    expect((await cli('keys', 'list', 'shop')).out).toMatch(new RegExp(`\n${id} +till +good +`));
    expect((await cli('keys', 'disable', id)).out).toBe(`key ${id} is disabled\n`);
    await until(async () => (await call('GET', '/v1/hello', { key })).status === 401, patient);
    expect((await cli('keys', 'enable', id)).code).toBe(0);
    await until(async () => (await call('GET', '/v1/hello', { key })).status === 200, patient);
    const second = (await cli('keys', 'rotate', id, '--old-expires', '1h')).out.trim();
    await until(async () => (await call('GET', '/v1/hello', { key: second })).status === 200, patient);
    expect((await cli('consumers', 'delete', 'shop')).code).toBe(0);
    await until(async () => (await call('GET', '/v1/hello', { key })).status === 401, patient);
    await until(async () => (await call('GET', '/v1/hello', { key: second })).status === 401, patient);

    const audit = await cli('audit', '--target', `key/${id}`, '--json');
    expect(audit.out).not.toContain(key);
    const entries = JSON.parse(audit.out) as { action: string; who: object; outcome: string }[];
    expect(entries.map(({ action }) => action)).toEqual([
      'key.update',
      'key.enable',
      'key.disable',
      'key.create',
    ]);
    expect(entries[0]).toMatchObject({
      who: {
        subject: 'admin',
        kind: 'key',
        consumer: 'admin',
        key: firstKey.split('_')[1],
        client: '127.0.0.1',
      },
      outcome: 'made',
    });
  });

  test('goes on while one of its two processes is gone', async () => {
    await stack.service('admin').process.kill();
    const answers = await Promise.all(Array.from({ length: 10 }, () => call('GET', '/admin/v1/consumers')));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    const status = await json(call('GET', '/admin/v1/status'));
    const names = (status['instances'] as { name: string }[]).map(({ name }) => name);
    expect(names.filter((name) => name === 'admin')).toHaveLength(1);
    expect(names).toEqual(expect.arrayContaining(['edge', 'ratelimit', 'router']));
  });

  test('is in the API reference, with schemas, and the reference is valid OpenAPI', async () => {
    const reference = (await json(call('GET', '/openapi.json', { key: null }))) as {
      paths: Record<string, Record<string, { requestBody?: object; parameters?: { name: string }[] }>>;
    };
    const put = reference.paths['/admin/v1/document']?.['put'];
    expect(put?.requestBody).toBeDefined();
    expect(put?.parameters?.map(({ name }) => name)).toEqual([
      'dry_run',
      'force',
      'comment',
      'if-match',
      'if-none-match',
    ]);
    expect(Object.keys(reference.paths).filter((each) => each.startsWith('/admin/v1/'))).toHaveLength(16);
    const file = path.join(folder, await write('openapi.json', JSON.stringify(reference)));
    const linter = path.join(projectRoot, 'node_modules/@redocly/cli/bin/cli.js');
    await promisify(execFile)(nodeProgram, [linter, 'lint', file, '--extends=recommended'], {
      cwd: folder,
      env: { ...process.env, REDOCLY_TELEMETRY: 'off' },
    });
  });
});

describe('the command line says in one sentence', () => {
  const sentence = (run: CommandRun, code: number, text: RegExp): void => {
    expect(run).toMatchObject({ code, out: '' });
    expect(run.err).toMatch(/^gateway: [^\n]+\n$/);
    expect(run.err).toMatch(text);
  };
  const without = (args: string[], env: Record<string, string> = {}): Promise<CommandRun> =>
    gatewayCommand(args, { cwd: folder, env });

  test('where it looked for a gateway and a key', async () => {
    const [nowhere, keyless, mistyped, away, refused] = await Promise.all([
      without(['export']),
      without(['export', '--gateway', stack.gateway]),
      without(['export'], {
        SLUICE_GATEWAY_URL: stack.gateway,
        SLUICE_ADMIN_KEY: `${firstKey.slice(0, -1)}-`,
      }),
      without(['export', '--gateway', 'http://127.0.0.1:1'], { SLUICE_ADMIN_KEY: firstKey }),
      without(['export', '--gateway', stack.gateway], { SLUICE_ADMIN_KEY: makeApiKey().text }),
    ]);
    sentence(nowhere, 1, /no gateway runs in \.sluice/);
    sentence(keyless, 1, /no API key: \.sluice\/admin-key cannot be read/);
    sentence(mistyped, 1, /SLUICE_ADMIN_KEY holds no API key/);
    sentence(away, 1, /the gateway at http:\/\/127\.0\.0\.1:1 cannot be reached/);
    sentence(refused, 1, /Is the key right/);
  });

  test('what a call lacks', async () => {
    const runs = await Promise.all([
      cli('apply'),
      cli('keys', 'create'),
      cli('keys', 'disable', firstKey),
      cli('rollback', 'x'),
      cli('consumers', 'make', 'x'),
      cli('revoke', '--issuer', 'x'),
      cli('keys', 'create', 'partner', '--expires', 'soon'),
    ]);
    for (const run of runs) sentence(run, 2, /./);
    expect(runs[2]?.err).not.toContain(firstKey);
    sentence(await cli('consumers', 'disable', 'partner'), 1, /part of the gateway document/);
  });
});
