import { expect, test } from 'vitest';
import { gatewaySchema, type GatewayInput } from '../document/gateway.ts';
import { documentNotes } from './notes.ts';

const route = { id: 'r', path: '/r', subject: 's', auth: 'public' as const };
const limits: GatewayInput['limits'] = {
  small: { limit: 3, window: '1m' },
  bursty: { limit: 100, window: '1m', burst: 4 },
};
const notesOf = (input: GatewayInput): string[] =>
  documentNotes(gatewaySchema.parse({ limits, ...input })).map(({ message }) => message);

test('a call that costs more than a limit holds can never pass', () => {
  expect(notesOf({ routes: [{ ...route, limits: ['small', 'bursty'], cost: 5 }] })).toEqual([
    'no call of route "r" can pass: it costs 5, and limit "small" holds 3',
    'no call of route "r" can pass: it costs 5, and the burst of limit "bursty" holds 4',
  ]);
  expect(notesOf({ defaults: { limits: ['small'] }, routes: [{ ...route, cost: 4 }] })).toEqual([
    'no call of route "r" can pass: it costs 4, and limit "small" holds 3',
  ]);
  expect(
    notesOf({
      routes: [
        { ...route, limits: ['small', 'bursty'], cost: 3 },
        { ...route, id: 'free', cost: 9 },
      ],
    }),
  ).toEqual([]);
});
