import { SluiceError } from '@sluice/errors';
import { rawRequest } from '@sluice/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startTestEdge, type TestEdge } from './testing/test-edge.ts';

let edge: TestEdge;
beforeAll(async () => {
  edge = await startTestEdge({
    config: { trustedProxies: '127.0.0.1' },
    live: {
      handleSse: (_, response, { query }) => {
        if (query === 'refuse') throw new SluiceError('bad_request', 'No.');
        response.writeHead(200, ['content-type', 'text/event-stream']).end();
      },
    },
  });
  await edge.route({ path: '/v1/thing' });
});
afterAll(() => edge.stop());
beforeEach(async () => {
  await edge.document({});
  edge.backend = () => ({ body: Buffer.from('ok') });
});

const names = ['x-content-type-options', 'referrer-policy', 'x-frame-options', 'strict-transport-security'];

async function ask(path = '/v1/thing', fields: Record<string, string> = {}): Promise<(string | null)[]> {
  const response = await fetch(edge.url + path, { headers: fields });
  await response.arrayBuffer();
  return names.map((name) => response.headers.get(name));
}

describe('security headers', () => {
  it('are on every answer: of backends, of the gateway, of streams, of refusals', async () => {
    for (const path of ['/v1/thing', '/v1/stream', '/nowhere', '/a//b', '/docs/sluice.css'])
      expect([path, ...(await ask(path)).slice(0, 3)]).toEqual([path, 'nosniff', 'no-referrer', 'DENY']);
  });

  it('are there once, also when a stream is refused in the last moment', async () => {
    const { status, headers } = await rawRequest(
      edge.url,
      'GET /v1/stream?refuse HTTP/1.1\r\nHost: a\r\n\r\n',
    );
    expect(status).toBe(400);
    for (const name of names.slice(0, 3)) expect(headers.filter(([field]) => field === name)).toHaveLength(1);
  });

  it('speak of TLS only where there is some: a trusted proxy may have it', async () => {
    expect((await ask())[3]).toBeNull();
    expect((await ask('/v1/thing', { 'x-forwarded-proto': 'https' }))[3]).toBe('max-age=31536000');
    expect((await ask('/v1/stream', { 'x-forwarded-proto': 'https' }))[3]).toBe('max-age=31536000');
  });

  it('give way to what the backend says, once', async () => {
    edge.backend = () => ({ headers: ['x-frame-options', 'SAMEORIGIN', 'referrer-policy', 'origin'] });
    expect(await ask()).toEqual(['nosniff', 'origin', 'SAMEORIGIN', null]);
  });

  it('are what the document says: other values, others beside them, or none', async () => {
    await edge.document({
      security_headers: {
        'x-frame-options': false,
        'referrer-policy': 'same-origin',
        'strict-transport-security': 'max-age=60; includeSubDomains',
        'permissions-policy': 'camera=()',
      },
    });
    const response = await fetch(`${edge.url}/v1/thing`, { headers: { 'x-forwarded-proto': 'https' } });
    expect(
      Object.fromEntries([...names, 'permissions-policy'].map((name) => [name, response.headers.get(name)])),
    ).toEqual({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'same-origin',
      'x-frame-options': null,
      'strict-transport-security': 'max-age=60; includeSubDomains',
      'permissions-policy': 'camera=()',
    });
  });

  it('cannot break the framing of answers', async () => {
    await edge.document({
      security_headers: { 'content-length': '1', 'transfer-encoding': 'chunked', connection: 'close' },
    });
    const response = await fetch(`${edge.url}/v1/thing`);
    expect([await response.text(), response.headers.get('content-length')]).toEqual(['ok', '2']);
    expect(response.headers.get('connection')).toBe('keep-alive');
  });
});
