import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { request as httpsRequest, Agent } from 'node:https';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { makeCertificate, RawClient, until, type TestCertificate } from '@sluice/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startTestEdge, type TestEdge } from '../testing/test-edge.ts';
import { CertificateFiles } from './certificate-files.ts';
import { readCertificate } from './certificate.ts';

const first = makeCertificate('first.example');
const second = makeCertificate('second.example');
let folder: string;
let edge: TestEdge;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'sluice-tls-'));
  edge = await startTestEdge({
    certificate: await readCertificate(await write('edge', first)),
    config: { headersTimeoutMs: 1_000 },
    live: {
      handleUpgrade: (_, socket) => {
        socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n');
        socket.pipe(socket);
      },
    },
  });
  await edge.route({ path: '/v1/thing' });
  await edge.route({ id: 'post', method: 'POST', path: '/v1/thing' });
});
afterAll(async () => {
  await edge.stop();
  await rm(folder, { recursive: true });
});

/** Writes both files; gives their paths. */
async function write(name: string, { cert, key }: TestCertificate) {
  const paths = { cert: path.join(folder, `${name}.crt`), key: path.join(folder, `${name}.key`) };
  await writeFile(paths.cert, cert);
  await writeFile(paths.key, key);
  return paths;
}

const port = () => Number(new URL(edge.url).port);

async function open(options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({
    port: port(),
    rejectUnauthorized: false,
    servername: 'first.example',
    ...options,
  });
  await once(socket, 'secureConnect');
  return socket;
}

/** Everything that comes until the connection ends. */
async function talk(socket: TLSSocket, bytes: string): Promise<string> {
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  socket.write(bytes);
  await once(socket, 'close');
  return text;
}

const failures = async () =>
  Number(/rejected_total\{reason="tls"\} (\d+)/.exec(await edge.registry.metrics())?.[1] ?? 0);

describe('TLS', () => {
  it('carries requests, keep-alive, bodies; answers ask for TLS from then on', async () => {
    expect(edge.url).toMatch(/^https:/);
    edge.backend = ({ body }) => ({ body: Buffer.from(body) });
    const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: first.cert, servername: 'first.example' });
    const body = Buffer.alloc(200_000, 'abc');
    const ports = new Set<number | undefined>();
    for (let i = 0; i < 3; i++) {
      const request = httpsRequest(`${edge.url}/v1/thing`, { method: 'POST', agent });
      request.end(body);
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      ports.add(request.socket?.localPort);
      expect([response.statusCode, response.headers['strict-transport-security']]).toEqual([
        200,
        'max-age=31536000',
      ]);
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      expect(Buffer.concat(chunks).equals(body)).toBe(true);
    }
    expect(ports.size).toBe(1);
    agent.destroy();
    await until(() => edge.http.connections === 0);
  });

  it('speaks HTTP/1.1 to those who offer it, and ends with those who speak HTTP/2 only', async () => {
    const socket = await open({ ALPNProtocols: ['h2', 'http/1.1'] });
    expect(socket.alpnProtocol).toBe('http/1.1');
    socket.destroy();
    await expect(open({ ALPNProtocols: ['h2'] })).rejects.toThrow(/no application protocol|alert/i);
  });

  it('speaks the versions that it is set to', async () => {
    const versionWith = async (maxVersion: 'TLSv1.2' | 'TLSv1.3', to = edge) => {
      const socket = await open({ maxVersion, port: Number(new URL(to.url).port) });
      const version = socket.getProtocol();
      socket.destroy();
      return version;
    };
    expect([await versionWith('TLSv1.2'), await versionWith('TLSv1.3')]).toEqual(['TLSv1.2', 'TLSv1.3']);
    const certificate = await readCertificate(await write('strict', first));
    await using strict = await startTestEdge({
      certificate,
      nats: edge.nats,
      config: { tlsMinVersion: 'TLSv1.3' },
    });
    expect(await versionWith('TLSv1.3', strict)).toBe('TLSv1.3');
    await expect(versionWith('TLSv1.2', strict)).rejects.toThrow(/protocol version|alert/);
    // A new certificate does not open it to old versions.
    strict.http.renew(certificate);
    await expect(versionWith('TLSv1.2', strict)).rejects.toThrow(/protocol version|alert/);
  });

  it('carries malformed requests to their 400, and WebSocket handshakes', async () => {
    const answer = await talk(await open(), 'GET /v1/thing HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1.1 400 /);
    expect(await talk(await open(), 'BREW / HTTP/1.1\r\n\r\n')).toMatch(/^HTTP\/1.1 400 /);
    const socket = await open();
    socket.write(
      'GET /v1/stream HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    expect(chunk.toString()).toMatch(/^HTTP\/1.1 101 /);
    socket.destroy();
    await until(() => edge.http.connections === 0);
  });
});

describe('a handshake that is none', () => {
  it.each([
    ['plain HTTP', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['rubbish', '\x16\x03\x01\xff\xff'.repeat(100)],
    ['a record of nothing', '\x16\x03\x01\x00\x00'],
  ])('(%s) is cut and counted; nothing else happens', async (_, bytes) => {
    const before = await failures();
    const records = edge.records.length;
    const client = await RawClient.open(edge.url);
    client.send(bytes);
    await client.ended();
    client.close();
    await until(async () => (await failures()) === before + 1);
    expect(edge.records.length).toBe(records);
    await until(() => edge.http.connections === 0);
  });

  it('that says nothing, or stops in the middle, is cut when the time for headers is over', async () => {
    const before = await failures();
    const silent = await RawClient.open(edge.url);
    const half = await RawClient.open(edge.url);
    half.send('\x16\x03\x01\x02\x00\x01\x00');
    await Promise.all([silent.ended(), half.ended()]);
    await until(async () => (await failures()) === before + 2);
    for (const client of [silent, half]) client.close();
  });

  it('that is given up by the client is not counted, and a thousand at once hold nobody up', async () => {
    const before = await failures();
    const sockets = Array.from({ length: 200 }, () => {
      const socket = connectTcp({ port: port() }).on('error', () => {});
      socket.once('connect', () => socket.write('\x16\x03\x01\x02\x00\x01\x00'));
      return socket;
    });
    await until(() => edge.http.connections >= 200);
    const socket = await open();
    expect(await talk(socket, 'GET /v1/thing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')).toMatch(
      /^HTTP\/1.1 200 /,
    );
    for (const each of sockets) each.destroy();
    await until(() => edge.http.connections === 0);
    expect(await failures()).toBe(before);
  });

  it('does not hold up the end', async () => {
    await using own = await startTestEdge({
      certificate: await readCertificate(await write('own', first)),
      nats: edge.nats,
    });
    const client = await RawClient.open(own.url);
    await until(() => own.http.connections === 1);
    own.http.drain();
    await client.ended();
    await own.http.close(10_000);
    expect(own.http.connections).toBe(0);
  });
});

it('comes behind a PROXY header', async () => {
  await using own = await startTestEdge({
    certificate: await readCertificate(await write('proxied', first)),
    nats: edge.nats,
    config: { proxyProtocol: '127.0.0.1' },
  });
  await own.routerAway(true);
  edge.received.length = 0;
  for (const together of [true, false]) {
    const raw = connectTcp({ port: Number(new URL(own.url).port), host: '127.0.0.1' });
    await once(raw, 'connect');
    // In one packet with the client's first words, or apart from them.
    raw.cork();
    raw.write('PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n');
    if (!together) raw.uncork();
    const socket = connect({ socket: raw, rejectUnauthorized: false });
    if (together) setImmediate(() => raw.uncork());
    await once(socket, 'secureConnect');
    expect(await talk(socket, 'GET /v1/thing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')).toMatch(
      /^HTTP\/1.1 200 /,
    );
  }
  expect(edge.received.map(({ client }) => client)).toEqual(['192.0.2.1', '192.0.2.1']);
  await until(() => own.http.connections === 0);
});

describe('certificate files', () => {
  let refused: string[];
  let files: CertificateFiles | undefined;
  beforeEach(() => (refused = []));
  afterEach(() => files?.stop());

  const follow = async (paths: { cert: string; key: string }) => {
    files = await CertificateFiles.open({ ...paths, onRefused: (error) => refused.push(String(error)) });
    files.onChange((certificate) => edge.http.renew(certificate));
    return files;
  };
  const served = async () => {
    const socket = await open();
    const name = socket.getPeerCertificate().subject.CN;
    socket.destroy();
    return name;
  };

  it('are followed: new connections get the new one, open ones go on', async () => {
    const paths = await write('followed', first);
    const watched = await follow(paths);
    const open1 = await open();
    await write('followed', second);
    await until(async () => (await served()) === 'second.example');
    expect(watched.current.names).toContain('second.example');
    expect(await talk(open1, 'GET /v1/thing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')).toMatch(
      /^HTTP\/1.1 200 /,
    );
    await write('followed', first);
    await watched.reload();
    expect(await served()).toBe('first.example');
  });

  it('that are swapped by a link, as Kubernetes does it, are noticed', async () => {
    const version = async (name: string, certificate: TestCertificate) => {
      await write(name, certificate);
      return name;
    };
    const [one, two] = [await version('v1', first), await version('v2', second)];
    const point = async (name: string, kind: string) => {
      await symlink(path.join(folder, `${name}.${kind}`), path.join(folder, `next.${kind}`));
      await rename(path.join(folder, `next.${kind}`), path.join(folder, `linked.${kind}`));
    };
    for (const kind of ['crt', 'key']) await point(one, kind);
    await follow({ cert: path.join(folder, 'linked.crt'), key: path.join(folder, 'linked.key') });
    for (const kind of ['crt', 'key']) await point(two, kind);
    await until(async () => (await served()) === 'second.example');
    edge.http.renew(await readCertificate(await write('edge', first)));
  });

  it('that are bad change nothing, and say once what is wrong, nothing of the key', async () => {
    const paths = await write('bad', first);
    const watched = await follow(paths);
    const faults: [string, () => Promise<unknown>, RegExp][] = [
      [
        'another key',
        () => writeFile(paths.key, second.key),
        /bad\.key is not the key of the certificate in/,
      ],
      ['no key', () => writeFile(paths.key, 'secret stuff'), /bad\.key is no private key in PEM/],
      ['no file', () => rm(paths.key), /bad\.key cannot be read: ENOENT/],
      [
        'no certificate',
        () => writeFile(paths.cert, 'x').then(() => writeFile(paths.key, first.key)),
        /is no certificate/,
      ],
    ];
    const said: string[] = [];
    for (const [what, breakIt, message] of faults) {
      await breakIt();
      await watched.reload();
      await watched.reload();
      const told = refused.splice(0);
      expect([what, told.filter((text) => message.test(text))]).toEqual([what, [told.at(-1)]]);
      said.push(...told);
    }
    expect(said.join()).not.toContain('secret stuff');
    await write('bad', makeCertificate('late.example', -1));
    await watched.reload();
    expect(refused.pop()).toMatch(/the certificate in .*bad\.crt ended 20/);
    expect(watched.current.names).toContain('first.example');
    await write('bad', second);
    await watched.reload();
    expect(watched.current.names).toContain('second.example');
  });

  it('that cannot be used at the start are an error', async () => {
    const paths = await write('start', { ...first, key: second.key });
    await expect(CertificateFiles.open({ ...paths, onRefused: () => {} })).rejects.toThrow('is not the key');
  });
});
