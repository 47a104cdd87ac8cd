import { RawClient, until } from '@sluice/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startTestEdge, type TestEdge } from '../testing/test-edge.ts';

/** To one edge this machine is a load balancer, to the other one it is a client. */
let edge: TestEdge;
let other: TestEdge;
beforeAll(async () => {
  edge = await startTestEdge({
    config: {
      proxyProtocol: '127.0.0.1',
      trustedProxies: '10.0.0.0/8',
      headersTimeoutMs: 1_000,
    },
    document: { addresses: { deny: ['198.51.100.0/24'] } },
  });
  other = await startTestEdge({ nats: edge.nats, config: { proxyProtocol: '10.9.9.9' } });
  await edge.route({ path: '/v1/thing' });
  // Both listen to the same routes; the first one's router answers for both.
  await other.routerAway(true);
});
afterAll(async () => {
  await other.stop();
  await edge.stop();
});
beforeEach(() => (edge.received.length = 0));

const balancer = () => RawClient.open(edge.url);
const stranger = () => RawClient.open(other.url);
const get = 'GET /v1/thing HTTP/1.1\r\nHost: a\r\n\r\n';
const line = (source: string) => `PROXY TCP${source.includes(':') ? 6 : 4} ${source} ${source} 4711 443\r\n`;

/** Version 2, from an IPv4 address, with `padding` bytes behind the addresses. */
function binary(source: string, command = 1, padding = 0): Buffer {
  const head = Buffer.from(`\r\n\r\n\0\r\nQUIT\n${String.fromCharCode(0x20 | command)}\x11\0\0`, 'latin1');
  head.writeUInt16BE(12 + padding, 14);
  const address = Buffer.from(source.split('.').map(Number));
  return Buffer.concat([head, address, address, Buffer.from([0x12, 0x67, 1, 0xbb]), Buffer.alloc(padding)]);
}

async function refusals(): Promise<number> {
  const text = await edge.registry.metrics();
  return Number(/rejected_total\{reason="proxy_protocol"\} (\d+)/.exec(text)?.[1] ?? 0);
}

describe('a connection of a load balancer', () => {
  it.each([
    ['version 1', line('192.0.2.1'), '192.0.2.1'],
    ['version 1, IPv6', line('2001:db8::1'), '2001:db8::1'],
    ['version 1, mapped', line('::ffff:192.0.2.1'), '192.0.2.1'],
    ['version 1, UNKNOWN', 'PROXY UNKNOWN\r\n', '127.0.0.1'],
    ['version 2', binary('192.0.2.1'), '192.0.2.1'],
    ['version 2, with much behind the addresses', binary('192.0.2.1', 1, 4_000), '192.0.2.1'],
    ['version 2, LOCAL', binary('192.0.2.1', 0), '127.0.0.1'],
  ])('(%s) comes from whom its header names, for every request on it', async (_, header, source) => {
    const client = await balancer();
    client.send(Buffer.concat([Buffer.from(header), Buffer.from(get + get)]));
    expect([(await client.response()).status, (await client.response()).status]).toEqual([200, 200]);
    client.send(get);
    expect((await client.response()).status).toBe(200);
    expect(edge.received.map((request) => request.client)).toEqual([source, source, source]);
    client.close();
  });

  it('may send header and request byte by byte, in pieces that end anywhere', async () => {
    const client = await balancer();
    client.socket.setNoDelay(true);
    for (const byte of Buffer.concat([binary('192.0.2.1'), Buffer.from(get)])) {
      client.send(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await client.response()).status).toBe(200);
    expect(edge.received[0]?.client).toBe('192.0.2.1');
    client.close();
  });

  it('carries a body through untouched', async () => {
    await edge.route({ id: 'post', method: 'POST', path: '/v1/thing' });
    edge.backend = ({ body }) => ({ body: Buffer.from(body) });
    const body = Buffer.alloc(300_000, 'abcdefg');
    const client = await balancer();
    client.send(
      Buffer.concat([
        binary('192.0.2.1'),
        Buffer.from(`POST /v1/thing HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n`),
        body,
      ]),
    );
    expect((await client.response()).body.equals(body)).toBe(true);
    client.close();
  });

  it('is filtered by the address that it speaks for', async () => {
    const client = await balancer();
    client.send(line('198.51.100.7') + get);
    expect((await client.response()).status).toBe(403);
    client.close();
  });

  it('may come from a proxy that is trusted: its field is read', async () => {
    const client = await balancer();
    client.send(`${line('10.0.0.1')}GET /v1/thing HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.9\r\n\r\n`);
    expect((await client.response()).status).toBe(200);
    expect(edge.received[0]?.client).toBe('192.0.2.9');
    client.close();
  });

  it.each([
    ['without a header', get],
    ['with a malformed one', `PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n${get}`],
    ['with an address that can be read in two ways', `PROXY TCP4 010.0.0.1 1.2.3.4 1 2\r\n${get}`],
    ['with an endless line', `PROXY TCP4 ${'1'.repeat(500)}`],
    ['with one that is too large', binary('192.0.2.1', 1, 5_000)],
    ['with TLS', '\x16\x03\x01\x02\x00\x01\x00'],
  ])('%s is cut without an answer, and counted', async (_, bytes) => {
    const before = await refusals();
    const client = await balancer();
    client.send(bytes);
    expect((await client.ended()).length).toBe(0);
    expect(await refusals()).toBe(before + 1);
    expect(edge.received).toEqual([]);
  });

  it.each([
    ['never comes', ''],
    ['stays incomplete', 'PROXY TCP4 192.0'],
    ['is announced and not sent', binary('192.0.2.1').subarray(0, 20)],
  ])('whose header %s is cut when the time for headers is over', async (_, bytes) => {
    const before = await refusals();
    const client = await balancer();
    client.send(bytes);
    expect((await client.ended()).length).toBe(0);
    expect(await refusals()).toBe(before + 1);
    client.close();
  });

  it('that only looks whether somebody listens is no fault', async () => {
    const before = await refusals();
    const client = await balancer();
    client.socket.end();
    await client.ended();
    await until(() => edge.http.connections === 0);
    expect(await refusals()).toBe(before);
  });
});

describe('everybody else', () => {
  it('is served without a header', async () => {
    const client = await stranger();
    client.send(get);
    expect((await client.response()).status).toBe(200);
    expect(edge.received[0]?.client).toBe('127.0.0.1');
    client.close();
  });

  it.each([
    ['version 1', Buffer.from(line('192.0.2.1'))],
    ['version 2', binary('192.0.2.1')],
  ])('cannot lie with a header of %s: 400', async (_, header) => {
    const client = await stranger();
    client.send(Buffer.concat([header, Buffer.from(get)]));
    expect((await client.response()).status).toBe(400);
    expect(edge.received).toEqual([]);
    client.close();
  });
});

it('connections that wait for their header do not hold up the end', async () => {
  await using own = await startTestEdge({ config: { proxyProtocol: '127.0.0.1' } });
  const client = await RawClient.open(own.url);
  client.send('PROXY');
  await until(() => own.http.connections === 1);
  own.http.drain();
  expect((await client.ended()).length).toBe(0);
  await own.http.close(10_000);
  expect(own.http.connections).toBe(0);
});
