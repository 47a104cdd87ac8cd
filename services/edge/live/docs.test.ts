import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { policies } from '@sluice/live';
import { describe, expect, it } from 'vitest';
import { closeCodes } from './close-codes.ts';
import { LiveEvent } from './live-event.ts';
import { liveSettings } from './settings.ts';
import { headerLength } from './ws-frame.ts';

const page = readFileSync(fileURLToPath(new URL('../../../docs/live.md', import.meta.url)), 'utf8');

/** Cells of the table rows of a section. */
function rows(section: string): string[][] {
  const text = page.split(/^## /m).find((part) => part.startsWith(`${section}\n`)) ?? '';
  return text
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim().replaceAll('`', '')),
    );
}

describe('docs/live.md', () => {
  it('lists the channel policies', () => {
    const documented = rows('Channels')
      .filter(([, overflow]) => overflow === 'queue' || overflow === 'conflate')
      .map(([pattern = '', overflow]) => [pattern.split(' ')[0], overflow]);
    expect(documented).toEqual([
      ...policies.map(({ pattern, overflow }) => [pattern, overflow]),
      ['*.>', 'queue'],
    ]);
  });

  it('lists every close code that this edge uses', () => {
    const documented = rows('Close codes').map(([code]) => Number(code));
    for (const { code } of Object.values(closeCodes)) expect(documented).toContain(code);
  });

  it('names every setting that limits clients', () => {
    const env = (name: keyof typeof liveSettings): string =>
      (liveSettings[name].meta() as { env: string }).env;
    for (const name of [
      'liveMaxMessage',
      'liveChannels',
      'liveConnectionsPerAddress',
      'liveMessageRate',
      'liveCallsInFlight',
      'liveBudget',
      'liveHistory',
    ] as const)
      expect(page).toContain(env(name));
  });

  const vectors = rows('Test vectors').slice(2);

  it.each(vectors)(
    'test vector: %s %s after %s',
    (channel = '', seq, prev, payload = '', json, msgpack = '') => {
      const event = new LiveEvent(
        channel,
        Number(seq),
        prev === 'null' ? null : Number(prev),
        Buffer.from(payload, 'hex'),
      );
      const bodyOf = (frame: Buffer): Buffer => {
        const short = headerLength(frame.length - 2) === 2;
        return frame.subarray(short ? 2 : 4);
      };
      expect(bodyOf(event.jsonFrame).toString()).toBe(json);
      expect(bodyOf(event.msgpackFrame).toString('hex')).toBe(msgpack);
    },
  );

  it('has the vectors it promises', () => expect(vectors).toHaveLength(4));
});
