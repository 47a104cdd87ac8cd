import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decodeInput,
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  WireError,
  type WireRequest,
} from './mod.ts';

const request: WireRequest = {
  method: 'GET',
  path: '/v1/orders/1',
  route: 'orders.get',
  params: { id: '1' },
  query: 'a=b',
  headers: ['accept', '*/*'],
  body: new Uint8Array([1, 2, 3]),
  identity: null,
  client: '192.0.2.1',
  id: 'r-1',
  deadline: 1_767_225_600_000,
  trace: '',
};

describe('requests', () => {
  const texts = fc.string({ unit: 'grapheme', maxLength: 70 });
  const arbitrary = fc.record({
    method: texts,
    path: texts,
    route: texts,
    params: fc.dictionary(texts, texts, { maxKeys: 20 }),
    query: texts,
    headers: fc.array(fc.tuple(texts, texts), { maxLength: 40 }).map((pairs) => pairs.flat()),
    body: fc.uint8Array({ maxLength: 400 }),
    identity: fc.option(
      fc.record({
        subject: texts,
        kind: texts,
        roles: fc.array(texts),
        scopes: fc.array(texts),
        tenant: fc.option(texts),
      }),
    ),
    client: texts,
    id: texts,
    deadline: fc.maxSafeNat(),
    trace: texts,
  });

  test('arrive as they were sent, whatever the texts hold', () => {
    fc.assert(
      fc.property(arbitrary, (sent) => {
        const received = decodeRequest(encodeRequest(sent));
        expect({ ...received, body: new Uint8Array(received.body) }).toEqual(sent);
      }),
    );
  });

  test('can be read in part', () => {
    fc.assert(
      fc.property(arbitrary, (sent) => {
        const payload = encodeRequest(sent);
        const { params, query, headers, body } = decodeRequest(payload);
        expect(decodeInput(payload, true)).toEqual({ params, query, headers, body });
        expect(decodeInput(payload, false)).toEqual({ params, query, headers: [], body });
        expect(() => decodeInput(payload.subarray(0, -1), false)).toThrow(WireError);
      }),
    );
  });

  test('read alike from a Buffer and from a plain Uint8Array inside a larger buffer', () => {
    const payload = encodeRequest(request);
    const larger = new Uint8Array(payload.length + 20).fill(0xc1);
    larger.set(payload, 7);
    const view = larger.subarray(7, 7 + payload.length);
    expect(decodeRequest(view)).toEqual(decodeRequest(Buffer.from(payload)));
    expect(Buffer.isBuffer(decodeRequest(view).body)).toBe(true);
  });

  test('keep parameters named like parts of objects, and their map has nothing else', () => {
    const params = JSON.parse('{"__proto__": "a", "constructor": "b", "toString": "c"}') as Record<
      string,
      string
    >;
    const received = decodeRequest(encodeRequest({ ...request, params })).params;
    expect(Object.entries(received)).toEqual(Object.entries(params));
    for (const inherited of ['hasOwnProperty', 'valueOf']) expect(inherited in received).toBe(false);
    expect(({} as Record<string, unknown>)['a']).toBeUndefined();
  });

  test('hold a body that is a view of the payload, not a copy', () => {
    const payload = Buffer.from(encodeRequest(request));
    const { body } = decodeRequest(payload);
    expect(body.buffer).toBe(payload.buffer);
  });

  test('refuse to be written with a deadline that is no integer', () => {
    expect(() => encodeRequest({ ...request, deadline: 0.5 })).toThrow(RangeError);
  });
});

describe('responses', () => {
  test('carry bodies of every length prefix', () => {
    for (const length of [0, 1, 255, 256, 65_535, 65_536, 1_048_576]) {
      const body = Buffer.alloc(length, 0xc1);
      const received = decodeResponse(encodeResponse({ status: 200, headers: [], body }));
      expect(Buffer.compare(received.body, body)).toBe(0);
    }
  });

  test('stay as they are while later ones are written', () => {
    const first = encodeResponse({ status: 200, headers: ['a', 'b'], body: Buffer.from('first') });
    const copy = Buffer.from(first);
    for (let i = 0; i < 5_000; i++)
      encodeResponse({ status: 500, headers: ['c', 'd'], body: Buffer.from(`later ${i}`) });
    expect(Buffer.compare(first, copy)).toBe(0);
  });
});

describe('a payload that is no envelope', () => {
  test('is refused with a WireError, whatever its bytes are', () => {
    const decodes = (payload: Uint8Array): void => {
      for (const decode of [decodeRequest, decodeResponse])
        try {
          decode(payload);
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), decodes), { numRuns: 2_000 });
  });

  test('is refused with a WireError when one byte of an envelope is changed', () => {
    const payload = encodeRequest({
      ...request,
      identity: { subject: 's', kind: 'k', roles: ['r'], scopes: [], tenant: null },
    });
    fc.assert(
      fc.property(fc.nat(payload.length - 1), fc.nat(255), (at, byte) => {
        const changed = Buffer.from(payload);
        changed[at] = byte;
        try {
          const { body, headers } = decodeRequest(changed);
          expect(body).toBeInstanceOf(Uint8Array);
          expect(headers.every((item) => typeof item === 'string')).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test('is refused when its end is missing, wherever it was cut', () => {
    const payload = encodeRequest(request);
    for (let length = 0; length < payload.length; length++)
      expect(() => decodeRequest(payload.subarray(0, length))).toThrow(WireError);
  });
});
