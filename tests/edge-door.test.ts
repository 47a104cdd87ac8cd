import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect } from 'node:tls';
import { endpoint, startService } from '@sluice/service';
import { makeCertificate, startProcess, until, type TestCertificate } from '@sluice/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { startRouters, type RouterStack } from './router-kit.ts';

/** A real edge behind TLS, with a document that changes while it runs. This machine is its trusted proxy. */
let kit: RouterStack;
let folder: string;
const first = makeCertificate('first.example');
const second = makeCertificate('second.example');
const file = (name: string) => path.join(folder, name);

async function writeCertificate({ cert, key }: TestCertificate): Promise<void> {
  await writeFile(file('edge.crt'), cert);
  await writeFile(file('edge.key'), key);
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'sluice-door-'));
  await writeCertificate(first);
  kit = await startRouters({
    services: ['router', 'edge'],
    env: {
      SLUICE_EDGE_TLS_CERT: file('edge.crt'),
      SLUICE_EDGE_TLS_KEY: file('edge.key'),
      SLUICE_EDGE_TRUSTED_PROXIES: '127.0.0.1',
      SLUICE_EDGE_FORWARDED_FIELD: 'forwarded',
    },
  });
  await startService(kit.bus, {
    name: 'shop',
    version: '1.0.0',
    description: 'A backend for the tests',
    endpoints: {
      get: endpoint({
        route: 'GET /v1/orders',
        summary: 'Orders',
        auth: 'public',
        handler: () => ({ orders: [] }),
      }),
    },
  });
  await until(async () => (await ask('192.0.2.1')).status === 200, { timeoutMs: 30_000 });
});
afterAll(async () => {
  await kit[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const gateway = () => new URL(kit.stack.gateway);

async function ask(from: string, fields: Record<string, string> = {}) {
  const request = httpsRequest(new URL('/v1/orders', gateway()), {
    rejectUnauthorized: false,
    agent: false,
    headers: { forwarded: `for="${from}"`, 'x-forwarded-for': '198.51.100.1', ...fields },
  });
  request.end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  response.resume();
  await once(response, 'close');
  return { status: response.statusCode, headers: response.headers };
}

async function servedName(): Promise<string | string[] | undefined> {
  const socket = connect({ port: Number(gateway().port), host: '127.0.0.1', rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { CN } = socket.getPeerCertificate().subject;
  socket.destroy();
  return CN;
}

it('a document that denies an address refuses its next request and ends its live connections; others go on', async () => {
  const stream = async (from: string) => {
    const ws = new WebSocket(`wss://${gateway().host}/v1/stream`, {
      rejectUnauthorized: false,
      headers: { forwarded: `for=${from}` },
    });
    const closed = { code: 0 };
    ws.on('close', (code) => (closed.code = code));
    await once(ws, 'open');
    return { ws, closed };
  };
  const [denied, other] = [await stream('203.0.113.7'), await stream('192.0.2.1')];
  expect((await ask('203.0.113.7')).status).toBe(200);
  await kit.writeDocument(
    'defaults: {auth: public, cors: web}\naddresses: {lists: {bad: [203.0.113.0/24]}, deny: [bad]}\ncors: {web: {origins: [https://app.example]}}\n',
  );
  await until(async () => (await ask('203.0.113.7')).status === 403, { timeoutMs: 20_000 });
  await until(() => denied.closed.code !== 0, { timeoutMs: 20_000 });
  expect(other.closed.code).toBe(0);
  const allowed = await ask('192.0.2.1', { origin: 'https://app.example' });
  expect(allowed.status).toBe(200);
  expect(allowed.headers).toMatchObject({
    'strict-transport-security': 'max-age=31536000',
    'x-content-type-options': 'nosniff',
  });
  // The route has its policy through the router, which may take a moment longer.
  await until(
    async () =>
      (await ask('192.0.2.1', { origin: 'https://app.example' })).headers['access-control-allow-origin'] ===
      'https://app.example',
  );
  other.ws.terminate();
});

it('a renewed certificate is served without a restart; a broken one is reported and the old one stays', async () => {
  const edge = kit.stack.service('edge').process;
  expect(await servedName()).toBe('first.example');
  await writeCertificate(second);
  edge.signal('SIGHUP');
  await until(async () => (await servedName()) === 'second.example', { timeoutMs: 20_000 });
  await writeFile(file('edge.key'), first.key);
  edge.signal('SIGHUP');
  // A look in the middle of a write may have found something else to report before.
  const line = await edge.waitForLog(
    (logged) => JSON.stringify(logged).includes('is not the key of the certificate'),
    20_000,
  );
  expect(line.msg).toBe('the new certificate cannot be used; the old one stays');
  expect(JSON.stringify(line)).not.toContain('PRIVATE KEY');
  expect([await servedName(), (await ask('192.0.2.1')).status, edge.running]).toEqual([
    'second.example',
    200,
    true,
  ]);
});

it.each([
  ['a key without a certificate', { SLUICE_EDGE_TLS_KEY: 'edge.key' }, 'belong together'],
  [
    'files that are not there',
    { SLUICE_EDGE_TLS_CERT: 'a.crt', SLUICE_EDGE_TLS_KEY: 'a.key' },
    'cannot be read: ENOENT',
  ],
  [
    'a proxy that is no address',
    { SLUICE_EDGE_PROXY_PROTOCOL: 'balancer' },
    'PROXY protocol peer "balancer"',
  ],
])('an edge with %s does not start, and says why', async (_, env, message) => {
  const edge = startProcess('services/edge/main.ts', {
    NATS_URL: kit.stack.natsUrl,
    SLUICE_HTTP_PORT: '0',
    SLUICE_OPS_PORT: '0',
    ...env,
  });
  const line = await edge.waitForLog(({ level }) => level === 'fatal', 30_000);
  expect(line.msg).toContain(message);
  await until(() => !edge.running);
});
