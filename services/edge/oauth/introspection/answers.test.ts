import { expect, test } from 'vitest';
import type { Caller } from '../../caller.ts';
import { Answers, type Answer } from './answers.ts';

const answer = (size = 1_000): Answer => ({
  endpoint: {} as Answer['endpoint'],
  caller: {} as Caller,
  until: Date.now() + 60_000,
  renewAt: Number.POSITIVE_INFINITY,
  size,
});

test('any number of invented tokens takes a bounded memory, and no good token its place', () => {
  const answers = new Answers(100, 1_000_000);
  answers.accept('good', answer());
  for (let i = 0; i < 50_000; i++) answers.refuse(Answers.key(`invented-${i}`), Date.now() + 60_000);
  expect(answers.sizes).toEqual({ good: 1, refused: 10_000 });
  expect(answers.get('good')).toMatchObject({ size: 1_000 });
});

test('good tokens are bounded by their number and by their bytes', () => {
  const answers = new Answers(100, 1_000_000);
  for (let i = 0; i < 1_000; i++) answers.accept(`small-${i}`, answer(100));
  expect(answers.sizes.good).toBe(100);
  for (let i = 0; i < 1_000; i++) answers.accept(`large-${i}`, answer(100_000));
  expect(answers.sizes.good).toBe(10);
});
