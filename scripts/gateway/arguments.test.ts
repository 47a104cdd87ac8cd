import { describe, expect, it } from 'vitest';
import { readMoment } from './arguments.ts';
import { CommandError } from './command.ts';

describe('a time on the command line', () => {
  it('is a span from now, or a moment with its zone', () => {
    expect(readMoment('--expires', '90m', 1_000)).toBe(1_000 + 90 * 60_000);
    expect(readMoment('--expires', '30d', 0)).toBe(30 * 86_400_000);
    expect(readMoment('--expires', '2027-01-31T00:00:00Z')).toBe(Date.UTC(2027, 0, 31));
    expect(readMoment('--expires', '2027-01-31')).toBe(Date.UTC(2027, 0, 31));
  });

  it('is nothing that a calendar could be made to see in it', () => {
    for (const text of ['7', '90', 'may 5', '7 d', '7D', '1h30m', '2027-02-30T00:00:00Z', '2027'])
      expect(() => readMoment('--old-expires', text), text).toThrow(CommandError);
  });
});
