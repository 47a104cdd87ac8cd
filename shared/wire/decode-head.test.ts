import * as fc from 'fast-check';
import { Packr } from 'msgpackr';
import { describe, expect, test } from 'vitest';
import { decodeHead } from './decode-head.ts';
import { encodeRequest, type WireRequest } from './envelope.ts';
import { WireError } from './error.ts';

const request: WireRequest = {
  method: 'POST',
  path: '/v1/orders/42',
  route: 'orders.get',
  params: { id: '42' },
  query: 'a=1',
  headers: ['content-type', 'text/plain', 'x', 'ü'],
  body: Buffer.alloc(70_000, 7),
  identity: { subject: 's', kind: 'jwt', roles: ['a'], scopes: [], tenant: null },
  client: '127.0.0.1',
  id: 'request-1',
  deadline: 1_700_000_000_123,
  trace: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
};

test('the head of an envelope is what the envelope holds', () => {
  const { route, id, deadline, trace } = request;
  expect(decodeHead(encodeRequest(request))).toEqual({ route, id, deadline, trace });
});

test('other encoders and other orders of keys are read the same', () => {
  const { route, id, deadline, trace } = request;
  const extra = [null, true, -1, 1.5, { a: { b: [1e15, -70_000] } }];
  const value = { extra, ...Object.fromEntries(Object.entries(request).toReversed()), v: 1 };
  for (const variableMapSize of [true, false]) {
    const packr = new Packr({ useRecords: false, variableMapSize });
    expect(decodeHead(packr.pack(value))).toEqual({ route, id, deadline, trace });
    expect(decodeHead(packr.pack({ ...value, deadline: BigInt(deadline) })).deadline).toBe(deadline);
    expect(decodeHead(packr.pack({ ...value, trace: null })).trace).toBe('');
  }
});

test('any request of ours is read back', () => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 1, maxLength: 300, unit: 'grapheme' }),
      fc.string({ minLength: 1 }),
      fc.nat(),
      fc.array(fc.string(), { maxLength: 20 }),
      fc.dictionary(fc.string(), fc.string({ unit: 'grapheme' }), { maxKeys: 20 }),
      fc.uint8Array({ maxLength: 400 }),
      (route, id, deadline, headers, params, body) => {
        const head = decodeHead(encodeRequest({ ...request, route, id, deadline, headers, params, body }));
        expect(head).toMatchObject({ route, id, deadline });
      },
    ),
  );
});

describe('what is no envelope is refused with a WireError:', () => {
  const packr = new Packr({ useRecords: false });
  const least = { v: 1, id: 'x', route: 'r', deadline: 1 };
  const twice = Buffer.concat([
    Buffer.from([0x85]),
    packr.pack(least).subarray(3),
    packr.pack({ route: 's' }).subarray(3),
  ]);
  test.each([
    ['nothing', Buffer.alloc(0)],
    ['text', Buffer.from('{"route":"a"}')],
    ['a list', packr.pack([1])],
    ['another version', packr.pack({ ...request, v: 2 })],
    ['no route', packr.pack({ v: 1, id: 'x', deadline: 1 })],
    ['no deadline', packr.pack({ v: 1, id: 'x', route: 'r' })],
    ['a deadline that is text', packr.pack({ v: 1, id: 'x', route: 'r', deadline: '1' })],
    ['a route that comes twice', twice],
    ['bytes behind the envelope', Buffer.concat([packr.pack(least), Buffer.from([0xc0])])],
    ['a map that claims four billion entries', Buffer.from([0xdf, 0xff, 0xff, 0xff, 0xff, 0xa1, 0x78, 0xc0])],
    ['the unused byte', Buffer.from([0x81, 0xa1, 0x78, 0xc1])],
  ])('%s', (_, payload) => expect(() => decodeHead(payload)).toThrow(WireError));

  test('a request cut short anywhere', () => {
    const whole = encodeRequest({ ...request, body: Buffer.alloc(20) });
    for (let end = 0; end < whole.length; end++)
      expect(() => decodeHead(whole.subarray(0, end))).toThrow(WireError);
  });

  test('anything at all', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          decodeHead(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
