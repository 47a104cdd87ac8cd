import { expect, test } from 'vitest';
import type { Caller } from '../caller.ts';
import { controlFields } from './control-fields.ts';

const caller: Caller = {
  identity: { subject: 'shop', kind: 'key', roles: [], scopes: [], tenant: null },
  method: 'key',
  consumer: 'shop',
  key: '4fTq81ZbXy0P',
  source: null,
  tokenId: null,
  issuedAt: null,
  expiresAt: null,
  claims: {},
};

test('the control API is told the consumer and the key of the caller', () => {
  expect(controlFields(['host', 'a'], caller)).toEqual([
    'host',
    'a',
    'sluice-consumer',
    'shop',
    'sluice-key',
    '4fTq81ZbXy0P',
  ]);
  expect(controlFields(['host', 'a'], { ...caller, key: null, consumer: null })).toEqual(['host', 'a']);
});

test('a client cannot say whose consumer or key it is', () => {
  const forged = [
    'sluice-consumer',
    'victim',
    'accept',
    '*/*',
    'sluice-key',
    'x',
    'sluice-consumer',
    'other',
  ];
  expect(controlFields(forged, null)).toEqual(['accept', '*/*']);
  expect(controlFields(forged, { ...caller, key: null })).toEqual([
    'accept',
    '*/*',
    'sluice-consumer',
    'shop',
  ]);
});
