import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { policies } from '@sluice/live';
import { gatewaySchema } from '@sluice/policy';
import { describe, expect, it } from 'vitest';
import type { Caller } from '../caller.ts';
import { closeCodes } from './close-codes.ts';
import { jsonCodec, msgpackCodec } from './codec.ts';
import { LiveEvent } from './live-event.ts';
import { channelPermissions } from './permissions.ts';
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

/** Payload of a frame. */
function bodyOf(frame: Buffer): Buffer {
  const short = headerLength(frame.length - 2) === 2;
  return frame.subarray(short ? 2 : 4);
}

const everyLimit = {
  connections_per_address: 1,
  connections_per_consumer: 1,
  messages_per_second: 1,
  channels: 1,
  query_token: 'token',
};

/** The caller of the permission vectors. */
const asker: Caller = {
  identity: { subject: '42', kind: 'jwt', roles: ['trader'], scopes: [], tenant: 'acme' },
  method: 'jwt',
  consumer: null,
  key: null,
  source: 'acme',
  tokenId: null,
  issuedAt: null,
  expiresAt: null,
  claims: {},
};

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
      'liveWarnMs',
    ] as const)
      expect(page).toContain(env(name));
  });

  it('names every limit that the gateway document sets', () => {
    const limits = Object.keys(gatewaySchema.parse({ live: everyLimit }).live);
    for (const name of limits) expect(page).toContain(`\`live.${name}\``);
    expect(limits).toHaveLength(5);
  });

  const decisions = rows('Who may read what').slice(2);

  it.each(decisions)('permission vector: %s, asked for %s', (rules = '', name = '', caller, nobody) => {
    const channels = rules.split('; ').map((rule) => {
      const [match = '', auth = '', ...more] = rule.split(' ');
      const roles = more.flatMap((word) => (word.startsWith('role:') ? [word.slice(5)] : []));
      return {
        match,
        auth: auth === 'public' ? ('public' as const) : [auth],
        roles,
        wildcards: !more.includes('single'),
      };
    });
    const permissions = channelPermissions(gatewaySchema.parse({ channels }).channels);
    expect([permissions.refusal(name, asker) ?? 'yes', permissions.refusal(name, null) ?? 'yes']).toEqual([
      caller,
      nobody,
    ]);
  });

  const vectors = rows('Test vectors').slice(2, 6);

  it.each(vectors)(
    'test vector: %s %s after %s',
    (channel = '', seq, prev, payload = '', json, msgpack = '') => {
      const event = new LiveEvent(
        channel,
        Number(seq),
        prev === 'null' ? null : Number(prev),
        Buffer.from(payload, 'hex'),
      );
      expect(bodyOf(event.jsonFrame).toString()).toBe(json);
      expect(bodyOf(event.msgpackFrame).toString('hex')).toBe(msgpack);
    },
  );

  const messages = rows('Test vectors').slice(8);

  it.each(messages)('message vector: %s', (json = '', msgpack = '') => {
    const message = JSON.parse(json) as Record<string, unknown>;
    expect(bodyOf(jsonCodec.plain(message)).toString()).toBe(json);
    expect(bodyOf(msgpackCodec.plain(message)).toString('hex')).toBe(msgpack);
  });

  it('has the vectors it promises', () =>
    expect([decisions.length, vectors.length, messages.length]).toEqual([20, 4, 4]));
});
