import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  decodeGiveBacks,
  decodeGrants,
  decodeLeaseRequest,
  encodeGiveBacks,
  encodeGrants,
  encodeLeaseRequest,
  LimitsProtocolError,
  type GiveBack,
  type Grant,
  type LeaseRequest,
} from './protocol.ts';

interface Vector<T> {
  readonly name: string;
  readonly text: string;
  readonly value: T;
}
const vectors = JSON.parse(
  readFileSync(path.join(import.meta.dirname, 'vectors/limits-v1.json'), 'utf8'),
) as {
  requests: Vector<LeaseRequest>[];
  grants: Vector<Grant[]>[];
  returns: Vector<GiveBack[]>[];
  refused: { of: 'request' | 'grants' | 'returns'; text: string }[];
};

describe('the test vectors of the protocol', () => {
  it.each(vectors.requests)('request: $name', ({ text, value }) => {
    expect(decodeLeaseRequest(text)).toEqual(value);
    expect(encodeLeaseRequest(value)).toBe(text);
  });
  it.each(vectors.grants)('answer: $name', ({ text, value }) => {
    expect(decodeGrants(text)).toEqual(value);
    expect(encodeGrants(value)).toBe(text);
  });
  it.each(vectors.returns)('return: $name', ({ text, value }) => {
    expect(decodeGiveBacks(text)).toEqual(value);
    expect(encodeGiveBacks(value)).toBe(text);
  });
  it.each(vectors.refused)('refused as $of: $text', ({ of, text }) => {
    const decode = { request: decodeLeaseRequest, grants: decodeGrants, returns: decodeGiveBacks }[of];
    expect(() => decode(text)).toThrow(LimitsProtocolError);
  });
});
