import { expect, it } from 'vitest';
import { RecentChanges } from './recent-changes.ts';

const at = (revision: number) => ({ revision, gone: false });

it('the newest change of an entry counts, in whatever order they are told', () => {
  const recent = new RecentChanges();
  expect(recent.get('a')).toBeUndefined();
  recent.add('a', at(3));
  recent.add('a', { revision: 5, gone: true });
  recent.add('a', at(4));
  expect(recent.get('a')).toEqual({ revision: 5, gone: true });
});

it('after a gap what is gone is still gone, and of everything else nothing is known', () => {
  const recent = new RecentChanges();
  recent.add('a', at(1));
  recent.add('b', { revision: 2, gone: true });
  recent.missed(false);
  expect([recent.get('a'), recent.get('b')]).toEqual([undefined, { revision: 2, gone: true }]);
});

it('whoever asks learns whether something since then is not known here: after a gap, or past what is kept', () => {
  const recent = new RecentChanges(2);
  for (let revision = 1; revision <= 4; revision++) recent.add(`before ${revision}`, at(revision));
  const unsure = recent.follow();
  recent.add('a', at(5));
  recent.add('b', at(6));
  expect(unsure()).toBe(false);
  recent.add('c', at(7));
  expect([unsure(), recent.get('a')]).toEqual([true, undefined]);
  const later = recent.follow();
  expect(later()).toBe(false);
  recent.missed(false);
  expect([later(), recent.follow()()]).toEqual([true, false]);
});

it('of a bucket that was made anew nothing is known, and its revisions begin anew', () => {
  const recent = new RecentChanges(2);
  for (let revision = 7; revision <= 9; revision++)
    recent.add(`before ${revision}`, { revision, gone: true });
  recent.missed(true);
  expect(recent.get('before 9')).toBeUndefined();
  const unsure = recent.follow();
  recent.add('a', at(1));
  expect(recent.get('a')).toEqual(at(1));
  expect(unsure()).toBe(false);
});
