import { spawn, type ChildProcess } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect as connectTls } from 'node:tls';
import { connectBus, ensureStream, lastMessages, publishStored, type Bus } from '@sluice/nats';
import { projectRoot, startProcess, until } from '@sluice/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../scripts/local/free-port.ts';
import {
  natsPasswordVariables,
  newNatsPasswords,
  type NatsPasswords,
} from '../scripts/local/nats-accounts.ts';
import { natsServerPath } from '../scripts/local/nats-server.ts';
import {
  canMakeCertificates,
  makeAuthority,
  makeCertificate,
  type Certificate,
} from './support/certificates.ts';

/** Three real nodes with the configuration of deploy/nats and the files of deploy/nats/secure: what production runs. */

const shipped = path.join(projectRoot, 'deploy/nats');
const marker = 'a secret that must not lie on any disk';

let folder: string;
let authority: Certificate;
let passwords: NatsPasswords;
let urls: string[];
let clusterPorts: number[];
const nodes: ChildProcess[] = [];

async function startNodes(): Promise<void> {
  const certificate = await makeCertificate(folder, 'node', authority);
  const program = await natsServerPath();
  const clientPorts = [await freePort(), await freePort(), await freePort()];
  clusterPorts = [await freePort(), await freePort(), await freePort()];
  urls = clientPorts.map((port) => `nats://localhost:${port}`);
  const routes = clusterPorts.map((port) => `nats://cluster:${passwords['cluster']}@localhost:${port}`);
  for (const [i, clientPort] of clientPorts.entries()) {
    const home = path.join(folder, `node-${i}`);
    await mkdir(home);
    await copyFile(path.join(shipped, 'accounts.conf'), path.join(home, 'accounts.conf'));
    for (const file of await readdir(path.join(shipped, 'secure')))
      await copyFile(path.join(shipped, 'secure', file), path.join(home, file));
    let text = await readFile(path.join(shipped, 'nats.conf'), 'utf8');
    // Three nodes of one machine need ports and folders of their own; nothing else differs.
    for (const [from, to] of [
      ['port: 4222', `listen: "127.0.0.1:${clientPort}"`],
      ['http: 8222', ''],
      ['port: 6222', `listen: "127.0.0.1:${clusterPorts[i]}"`],
      ['store_dir: /data', `store_dir: ${JSON.stringify(path.join(home, 'store'))}`],
      ['pid_file: /tmp/nats.pid', ''],
    ] as const) {
      expect(text).toContain(from);
      text = text.replace(from, to);
    }
    await writeFile(path.join(home, 'nats.conf'), text);
    const node = spawn(program, ['-c', path.join(home, 'nats.conf')], {
      stdio: 'ignore',
      env: {
        ...natsPasswordVariables(passwords),
        NATS_SERVER_NAME: `node-${i}`,
        NATS_MEMORY_STORE: '256MB',
        NATS_FILE_STORE: '1GB',
        ...Object.fromEntries(routes.map((route, n) => [`NATS_ROUTE_${n}`, route])),
        NATS_TLS_CERT: certificate.certFile,
        NATS_TLS_KEY: certificate.keyFile,
        NATS_TLS_CA: authority.certFile,
        NATS_JETSTREAM_KEY: `k${'0123456789abcdef'.repeat(3)}`,
      },
    });
    nodes.push(node);
  }
}

/** The operator's connection, with the authority's certificate unless another is named. */
function operator(caFile = authority.certFile): Promise<Bus> {
  return connectBus({
    servers: urls,
    name: 'test',
    user: 'operator',
    password: passwords['operator'] ?? '',
    waitMs: 20_000,
    tls: { caFile },
  });
}

describe.skipIf(!canMakeCertificates)('NATS with the files of deploy/nats/secure', () => {
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'sluice-secure-'));
    passwords = { ...(await newNatsPasswords()), cluster: 'clusterpassword' };
    authority = await makeAuthority(folder);
    await startNodes();
  });
  afterAll(async () => {
    for (const node of nodes) node.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });

  it('speaks TLS to clients that know its authority, on three nodes that speak TLS to each other', async () => {
    const bus = await operator();
    // Three replicas exist only if the nodes have found each other.
    await ensureStream(bus, { name: 'SECRETS', subjects: ['secrets.>'], storage: 'file', replicas: 3 });
    await publishStored(bus, 'secrets.one', marker, { deadline: Date.now() + 10_000 });
    expect(
      (await lastMessages(bus, 'SECRETS', ['secrets.>'])).map(({ data }) => Buffer.from(data).toString()),
    ).toEqual([marker]);
    await bus.close();
  });

  it('speaks TLS between nodes, and with nobody who has no certificate', async () => {
    const ca = await readFile(authority.certFile);
    for (const port of clusterPorts) {
      const stranger = connectTls({ port, host: '127.0.0.1', servername: 'localhost', ca });
      let refusal: string | undefined;
      stranger.on('error', (error: NodeJS.ErrnoException) => (refusal = error.code));
      await until(() => refusal !== undefined);
      expect(refusal).toBe('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED');
    }
  });

  it('says nothing without TLS, and a client refuses a server it cannot check', async () => {
    const stranger = await makeAuthority(folder, 'stranger');
    await expect(
      connectBus({
        servers: urls,
        name: 'test',
        user: 'operator',
        password: passwords['operator'] ?? '',
        waitMs: 1_500,
        tls: { caFile: stranger.certFile },
      }),
    ).rejects.toThrow(/cannot connect/);
    const { port } = new URL(urls[0] ?? '');
    const plain = connectTcp({ port: Number(port), host: '127.0.0.1' });
    const said: string[] = [];
    plain.on('data', (data) => said.push(data.toString()));
    await until(() => said.join('').includes('"tls_required":true'));
    plain.write(`CONNECT {"user":"operator","pass":"${passwords['operator']}","verbose":true}\r\nPING\r\n`);
    await until(() => plain.closed || plain.destroyed || plain.readableEnded, { timeoutMs: 30_000 });
    expect(said.join('')).not.toMatch(/PONG|\+OK/);
  });

  it('keeps what is stored encrypted on every node', async () => {
    for (const i of nodes.keys()) {
      const store = path.join(folder, `node-${i}`, 'store');
      const files = (await readdir(store, { recursive: true, withFileTypes: true })).filter((entry) =>
        entry.isFile(),
      );
      expect(files.some(({ parentPath }) => parentPath.includes('SECRETS'))).toBe(true);
      for (const { parentPath, name } of files)
        expect((await readFile(path.join(parentPath, name))).includes(marker), name).toBe(false);
    }
  });

  it('is what a service connects to when NATS_TLS_CA names the authority', async () => {
    await using router = startProcess('services/router/main.ts', {
      NATS_URL: urls.join(','),
      NATS_USER: 'router',
      NATS_PASSWORD: passwords['router'],
      NATS_TLS_CA: authority.certFile,
      NATS_REPLICAS: '3',
      SLUICE_OPS_PORT: '0',
    });
    const { ops } = await router.waitForLog((line) => line.msg === 'ready', 60_000);
    expect((await fetch(`${String(ops)}/health/ready`)).status).toBe(200);
  });
});
