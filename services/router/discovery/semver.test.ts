import { expect, test } from 'vitest';
import { compareVersions } from './semver.ts';

test('versions are ordered as Semantic Versioning section 11 says', () => {
  const ordered = [
    'latest',
    '1.0.0-alpha',
    '1.0.0-alpha.1',
    '1.0.0-alpha.beta',
    '1.0.0-beta',
    '1.0.0-beta.2',
    '1.0.0-beta.11',
    '1.0.0-rc.1',
    '1.0.0',
    '1.0.1',
    '1.2.0',
    '1.10.0',
    '2.0.0',
    '9007199254740993.0.0',
    '9007199254740994.0.0',
  ];
  for (let a = 0; a < ordered.length; a++)
    for (let b = 0; b < ordered.length; b++)
      expect(Math.sign(compareVersions(ordered[a] as string, ordered[b] as string))).toBe(Math.sign(a - b));
});

test('build metadata does not count', () => {
  expect(compareVersions('1.0.0+a', '1.0.0+b')).toBe(0);
});
