import { parseIsoTime } from '@sluice/config';
import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';
import { CommandError } from './command.ts';

/** Options and the words that stand between them. What is wrong with them is a {@link CommandError} with exit code 2. */
export function parseWords<const Options extends ParseArgsOptionsConfig>(
  args: readonly string[],
  options: Options,
) {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options,
      allowPositionals: true,
      strict: true,
    });
    return { values, words: positionals };
  } catch (error) {
    const [sentence = ''] = (error as Error).message.split('. ');
    throw new CommandError(sentence, 2);
  }
}

/** Exactly these words; `usage` is what the call looks like. */
export function expectWords(words: readonly string[], least: number, most: number, usage: string): void {
  if (words.length < least || words.length > most)
    throw new CommandError(`usage: npm run gateway -- ${usage}`, 2);
}

const units = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A day by itself is its first moment, UTC. */
const day = /^\d{4}-\d\d-\d\d$/;

/** `30d` from now, or a moment in ISO 8601, as milliseconds since the epoch. */
export function readMoment(option: string, text: string, now = Date.now()): number {
  const span = /^(\d{1,6})([smhd])$/.exec(text);
  const at = span
    ? now + Number(span[1]) * units[span[2] as keyof typeof units]
    : parseIsoTime(day.test(text) ? `${text}T00:00:00Z` : text);
  if (at === undefined)
    throw new CommandError(`${option} ${text}: a time is like 12h, 30d or 2027-01-31T00:00:00Z`, 2);
  return at;
}

/** Times for tables: to the second, UTC. */
export function shortTime(ms: number | null): string {
  return ms === null ? '-' : `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
