import { gzipSync } from 'node:zlib';
import { RawClient, rawRequest, until } from '@sluice/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startTestEdge, type TestEdge } from '../testing/test-edge.ts';

/** Well-formed requests of people who mean no good. */
let edge: TestEdge;
beforeAll(async () => {
  edge = await startTestEdge();
  await edge.route({ id: 'post', method: 'POST', path: '/v1/items' });
});
afterAll(() => edge.stop());
beforeEach(() => {
  edge.received.length = 0;
  edge.backend = ({ body }) => ({ body: Buffer.from(String(body.length)) });
});

const post = 'POST /v1/items HTTP/1.1\r\nHost: a\r\n';

describe('a compressed body', () => {
  it('goes through as it is: what would unpack to 10 MiB stays 10 KiB', async () => {
    const bomb = gzipSync(Buffer.alloc(10 * 1024 * 1024));
    const head = `${post}Content-Encoding: gzip\r\nContent-Length: ${bomb.length}\r\n\r\n`;
    const response = await rawRequest(edge.url, Buffer.concat([Buffer.from(head), bomb]));
    expect([response.status, response.body.toString()]).toEqual([200, String(bomb.length)]);
    const [request] = edge.received;
    expect(Buffer.compare(request?.body as Uint8Array, bomb)).toBe(0);
    expect(request?.headers).toContain('content-encoding');
  });

  it('is no transfer coding: that is refused', async () => {
    const response = await rawRequest(edge.url, `${post}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`);
    expect(response.status).toBe(400);
  });
});

describe('a chunked body', () => {
  it('of single bytes is served', async () => {
    const response = await rawRequest(
      edge.url,
      `${post}Transfer-Encoding: chunked\r\n\r\n${'1\r\nx\r\n'.repeat(50_000)}0\r\n\r\n`,
    );
    expect([response.status, response.body.toString()]).toEqual([200, '50000']);
  });

  it('cannot bring fields along behind the checks: trailers end here', async () => {
    const trailers = 'Authorization: Bearer x\r\nX-Forwarded-For: 6.6.6.6\r\nHost: b\r\n';
    const response = await rawRequest(
      edge.url,
      `${post}Transfer-Encoding: chunked\r\nTrailer: Authorization\r\n\r\n1\r\nx\r\n0\r\n${trailers}\r\n`,
    );
    expect(response.status).toBe(200);
    const { headers = [], client } = edge.received[0] ?? {};
    expect(headers.filter((_, i) => i % 2 === 0)).toEqual(['host', 'x-request-id']);
    expect(client).toBe('127.0.0.1');
  });

  it('with more extensions than data is refused', async () => {
    const client = await RawClient.open(edge.url);
    client.send(`${post}Transfer-Encoding: chunked\r\n\r\n1;${'e'.repeat(100_000)}\r\nx\r\n0\r\n\r\n`);
    expect((await client.response()).status).toBe(413);
    await client.ended();
    client.close();
    expect(edge.received).toEqual([]);
  });
});

describe('a flood of header fields', () => {
  it.each([
    ['one field that never ends', 'x'.repeat(64 * 1024)],
    ['fields without an end', 'x: y\r\n'.repeat(10_000)],
    ['empty values', 'x:\r\n'.repeat(15_000)],
  ])('(%s) ends with 431, while others are served', async (_, piece) => {
    const client = await RawClient.open(edge.url);
    client.send('GET /v1/items HTTP/1.1\r\nHost: a\r\nx: ');
    for (let i = 0; i < 16; i++) client.send(piece);
    expect((await rawRequest(edge.url, `${post}Content-Length: 1\r\n\r\nx`)).status).toBe(200);
    const response = await client.response();
    expect([response.status, response.json()['code']]).toEqual([431, 'headers_too_large']);
    client.close();
    await until(() => edge.http.connections <= 1);
  });

  it('of many connections is refused one by one and leaves nothing behind', async () => {
    const clients = await Promise.all(Array.from({ length: 100 }, () => RawClient.open(edge.url)));
    for (const client of clients)
      client.send(`GET / HTTP/1.1\r\nHost: a\r\n${'x: y\r\n'.repeat(20_000)}\r\n`);
    const statuses = await Promise.all(clients.map(async (client) => (await client.response()).status));
    expect(new Set(statuses)).toEqual(new Set([431]));
    for (const client of clients) client.close();
    await until(() => edge.http.connections === 0);
  });
});
