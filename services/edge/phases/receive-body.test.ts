import { request as httpRequest } from 'node:http';
import { RawClient } from '@sluice/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startTestEdge, type TestEdge } from '../testing/test-edge.ts';

const kib = 1024;
let edge: TestEdge;
beforeAll(async () => {
  edge = await startTestEdge();
  await edge.route({ id: 'post', method: 'POST', path: '/v1/items' });
  await edge.route({ id: 'small', method: 'POST', path: '/v1/small', bodyLimit: 100 });
  await edge.route({ id: 'large', method: 'POST', path: '/v1/large', bodyLimit: 64 * kib * kib });
});
afterAll(() => edge.stop());
beforeEach(() => {
  edge.received.length = 0;
  edge.backend = ({ body }) => ({ body: Buffer.from(body) });
});

const post = (path: string, body: RequestInit['body']) =>
  fetch(edge.url + path, { method: 'POST', body: body ?? null, duplex: 'half' });

function streamOf(bytes: Uint8Array, pieces: number): ReadableStream {
  const size = Math.ceil(bytes.length / pieces);
  return new ReadableStream({
    start(controller) {
      for (let at = 0; at < bytes.length; at += size) controller.enqueue(bytes.subarray(at, at + size));
      controller.close();
    },
  });
}

describe('bodies', () => {
  it.each([0, 1, 65_535, 65_536, kib * kib])(
    'of %i bytes arrive whole, with a length and chunked',
    async (size) => {
      const body = Buffer.alloc(size, 'abcdefghij');
      for (const sent of [body, streamOf(body, 7)]) {
        const response = await post('/v1/items', sent);
        expect(response.status).toBe(200);
        expect(Buffer.from(await response.arrayBuffer()).equals(body)).toBe(true);
      }
    },
  );

  it('of the wrong method are still passed on: GET may have one', async () => {
    await edge.route({ id: 'get', path: '/v1/items' });
    const client = await RawClient.open(edge.url);
    client.send('GET /v1/items HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi');
    expect((await client.response()).body.toString()).toBe('hi');
    client.close();
  });
});

describe('the type', () => {
  it('has to be one of those the route takes', async () => {
    const contentTypes = ['application/json', 'image/*'];
    await edge.route({ id: 'typed', method: 'POST', path: '/v1/typed', contentTypes });
    const send = (type: string, body = 'x') =>
      fetch(`${edge.url}/v1/typed`, { method: 'POST', body, headers: { 'content-type': type } });
    for (const type of ['application/json', 'Application/JSON; charset=utf-8', 'image/png'])
      expect((await send(type)).status).toBe(200);
    for (const type of ['text/plain', 'application/jsonp', 'imagex/png', '']) {
      const refused = await send(type);
      expect(refused.status).toBe(415);
      expect(refused.headers.get('accept-post')).toBe('application/json, image/*');
      expect(await refused.json()).toMatchObject({ code: 'unsupported_media_type' });
    }
    // Without a body there is nothing to have a type.
    expect((await fetch(`${edge.url}/v1/typed`, { method: 'POST' })).status).toBe(200);
  });
});

describe('the limit', () => {
  it('refuses an announced length without reading, and the client sees why', async () => {
    const client = await RawClient.open(edge.url);
    client.send(`POST /v1/items HTTP/1.1\r\nHost: a\r\nContent-Length: ${kib * kib + 1}\r\n\r\n`);
    const response = await client.response();
    expect([response.status, response.header('connection')]).toEqual([413, 'close']);
    expect(response.json()).toMatchObject({ code: 'body_too_large' });
    // What is on its way is read and thrown away, so that no reset takes the answer from the client.
    client.send(Buffer.alloc(kib * kib + 1));
    expect((await client.ended()).length).toBe(0);
    client.close();
    expect(edge.received).toEqual([]);
  });

  it('counts a chunked body as it comes', async () => {
    const client = await RawClient.open(edge.url);
    client.send('POST /v1/items HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
    const chunk = Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(64 * kib), Buffer.from('\r\n')]);
    for (let i = 0; i < 17; i++) client.send(chunk);
    expect((await client.response()).status).toBe(413);
    client.close();
    expect(edge.received).toEqual([]);
  });

  it('gives an ordinary client, which sends all of it first, the answer too', async () => {
    const response = await post('/v1/items', Buffer.alloc(3 * kib * kib));
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({ code: 'body_too_large', status: 413 });
  });

  it('is the route’s own where it has one; a small body too many does not cost the connection', async () => {
    const client = await RawClient.open(edge.url);
    client.send(`POST /v1/small HTTP/1.1\r\nHost: a\r\nContent-Length: 101\r\n\r\n${'x'.repeat(101)}`);
    const refused = await client.response();
    expect([refused.status, refused.header('connection')]).toEqual([413, 'keep-alive']);
    client.send('POST /v1/small HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n' + 'x'.repeat(100));
    expect((await client.response()).status).toBe(200);
    client.close();
  });

  it('is never more than NATS can carry, headers included', async () => {
    const { maxPayload } = edge.edgeBus;
    const fields = { 'x-filler': 'f'.repeat(20_000) };
    const send = (size: number) =>
      fetch(`${edge.url}/v1/large`, { method: 'POST', body: Buffer.alloc(size), headers: fields });
    expect((await send(maxPayload)).status).toBe(413);
    expect((await send(maxPayload - 21_000)).status).toBe(413);
    edge.backend = ({ body }) => ({ body: Buffer.from(String(body.length)) });
    const fits = await send(maxPayload - 24_000);
    expect([fits.status, await fits.text()]).toEqual([200, String(maxPayload - 24_000)]);
  });
});

describe('Expect: 100-continue', () => {
  const ask = (path: string, length: number): Promise<{ continued: boolean; status: number }> =>
    new Promise((resolve, reject) => {
      const request = httpRequest(edge.url + path, {
        method: 'POST',
        headers: { expect: '100-continue', 'content-length': String(length) },
      });
      let continued = false;
      request.on('continue', () => {
        continued = true;
        request.end(Buffer.alloc(length));
      });
      request.on('response', (response) => {
        response.resume();
        resolve({ continued, status: response.statusCode ?? 0 });
        request.destroy();
      });
      request.on('error', reject);
      request.flushHeaders();
    });

  it('is answered when the body is wanted', async () => {
    expect(await ask('/v1/items', 1000)).toEqual({ continued: true, status: 200 });
  });

  it('is refused without asking for the body otherwise', async () => {
    expect(await ask('/v1/items', 2 * kib * kib)).toEqual({ continued: false, status: 413 });
    expect(await ask('/v1/nowhere', 1000)).toEqual({ continued: false, status: 404 });
  });
});
