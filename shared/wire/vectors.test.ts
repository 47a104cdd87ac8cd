import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  WireError,
  type WireRequest,
  type WireResponse,
} from './mod.ts';

interface Vectors<Key extends 'request' | 'response'> {
  readonly canonical: readonly Vector<Key>[];
  readonly variants: readonly Vector<Key>[];
}
type Vector<Key extends string> = { readonly name: string; readonly hex: string } & Record<
  Key,
  Record<string, unknown> & { readonly body: string }
>;

const folder = path.join(import.meta.dirname, 'vectors');
const load = (name: string): unknown => JSON.parse(readFileSync(path.join(folder, name), 'utf8'));
const requests = load('requests.json') as Vectors<'request'>;
const responses = load('responses.json') as Vectors<'response'>;
const { invalid } = load('invalid.json') as {
  invalid: { name: string; kind: 'request' | 'response'; hex: string }[];
};
const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');
const withBytes = (value: { body: string }): unknown => ({ ...value, body: bytes(value.body) });
const asBuffer = <T extends { body: Uint8Array }>(value: T): T => ({
  ...value,
  body: Buffer.from(value.body),
});

describe('requests', () => {
  test.each([...requests.canonical, ...requests.variants])('reads: $name', ({ hex, request }) => {
    expect(asBuffer(decodeRequest(bytes(hex)))).toEqual(withBytes(request));
  });
  test.each(requests.canonical)('writes byte for byte: $name', ({ hex, request }) => {
    expect(Buffer.from(encodeRequest(withBytes(request) as WireRequest)).toString('hex')).toBe(hex);
  });
});

describe('responses', () => {
  test.each([...responses.canonical, ...responses.variants])('reads: $name', ({ hex, response }) => {
    expect(asBuffer(decodeResponse(bytes(hex)))).toEqual(withBytes(response));
  });
  test.each(responses.canonical)('writes byte for byte: $name', ({ hex, response }) => {
    expect(Buffer.from(encodeResponse(withBytes(response) as WireResponse)).toString('hex')).toBe(hex);
  });
});

test.each(invalid)('refuses a $kind with $name', ({ kind, hex }) => {
  const decode = kind === 'request' ? decodeRequest : decodeResponse;
  expect(() => decode(bytes(hex))).toThrow(WireError);
});

describe('a second implementation, in Python', () => {
  const missing = spawnSync('python3', ['--version']).status !== 0;
  const name = 'reads every vector alike and refuses every invalid one';
  test.skipIf(missing)(missing ? `${name} (skipped: no python3 here)` : name, () => {
    const run = spawnSync('python3', [path.join(folder, 'read_vectors.py')], { encoding: 'utf8' });
    expect(run.stderr).toBe('');
    const { checked, faults } = JSON.parse(run.stdout) as { checked: number; faults: string[] };
    expect(faults).toEqual([]);
    const all = [requests.canonical, requests.variants, responses.canonical, responses.variants, invalid];
    expect(checked).toBe(all.reduce((sum, list) => sum + list.length, 0));
    expect(run.status).toBe(0);
  });
});
