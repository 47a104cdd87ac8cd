import { expect, it } from 'vitest';
import { replyHeaders as replyHeadersOf } from './reply-headers.ts';

const replyHeaders = (sent: string[], requestId: string, answerHeaders: string[] = [], ownsCors = false) =>
  replyHeadersOf(sent, { requestId, answerHeaders, ownsCors });

it('keeps order and repetition, and ends with the request id', () => {
  expect(replyHeaders(['set-cookie', 'a', 'etag', '"x"', 'set-cookie', 'b'], 'r')).toEqual([
    'set-cookie',
    'a',
    'etag',
    '"x"',
    'set-cookie',
    'b',
    'x-request-id',
    'r',
  ]);
});

it('drops framing and connection fields, and those that Connection names', () => {
  const sent = [
    'content-length',
    '999',
    'transfer-encoding',
    'chunked',
    'connection',
    'X-Private, close',
    'keep-alive',
    'timeout=5',
    'upgrade',
    'h2c',
    'trailer',
    'x',
    'x-private',
    '1',
    'x-request-id',
    'theirs',
    'connection',
    'x-request-id',
    'x-public',
    '2',
  ];
  expect(replyHeaders(sent, 'r')).toEqual(['x-public', '2', 'x-request-id', 'r']);
});

it('puts what the gateway adds in the place of the backend’s own, beside its cookies and Vary', () => {
  const sent = ['ratelimit', 'theirs', 'vary', 'accept', 'set-cookie', 'a=1', 'etag', '"x"'];
  const added = ['ratelimit', 'ours', 'vary', 'origin', 'set-cookie', 's=2'];
  expect(replyHeaders(sent, 'r', added)).toEqual([
    'vary',
    'accept',
    'set-cookie',
    'a=1',
    'etag',
    '"x"',
    'ratelimit',
    'ours',
    'vary',
    'origin',
    'set-cookie',
    's=2',
    'x-request-id',
    'r',
  ]);
});

it('takes out what a backend says about CORS where the gateway has a policy', () => {
  const sent = [
    'access-control-allow-origin',
    '*',
    'access-control-allow-credentials',
    'true',
    'etag',
    '"x"',
  ];
  expect(replyHeaders(sent, 'r', ['vary', 'Origin'], true)).toEqual([
    'etag',
    '"x"',
    'vary',
    'Origin',
    'x-request-id',
    'r',
  ]);
  expect(replyHeaders(sent, 'r')).toContain('access-control-allow-origin');
});
