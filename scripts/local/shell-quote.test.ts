import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { shellQuote } from './shell-quote.ts';

it('a quoted word is what the shell reads back, and stays as it is where nothing needs quotes', () => {
  expect(shellQuote('/tmp/data-1.x')).toBe('/tmp/data-1.x');
  for (const word of ['', 'a dir', "x'y", '$HOME', '`id`', 'a"b\\', '*', 'ü', 'two\nlines'])
    expect(execFileSync('/bin/sh', ['-c', `printf %s ${shellQuote(word)}`], { encoding: 'utf8' })).toBe(word);
});
