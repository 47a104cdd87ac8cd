import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { until } from '@sluice/testing';
import { TestDocuments } from '../../testing/documents.ts';
import type { ConfiguredLogin } from './login.ts';
import { Logins } from './logins.ts';
import { TicketCache } from './ticket-cache.ts';
import { newTicket, sealTicket } from './ticket.ts';

const firstKey = 'a'.repeat(64);
const secondKey = 'b'.repeat(64);
const document = (afterLogin: string) => ({
  logins: {
    main: {
      issuer: 'https://idp.example',
      client_id: 'gateway',
      public_url: 'https://gateway.example',
      cookie_key: { env: 'TEST_COOKIE_KEY' },
      after_login: afterLogin,
    },
  },
});

let documents: TestDocuments;
let logins: Logins;
let cache: TicketCache;
let complaints: unknown[][];
beforeEach(() => {
  process.env['TEST_COOKIE_KEY'] = firstKey;
  documents = new TestDocuments(document('/'));
  logins = new Logins(documents);
  complaints = [];
  cache = new TicketCache({ logins, most: 10, complain: (...complaint) => complaints.push(complaint) });
});
afterEach(() => {
  vi.restoreAllMocks();
  logins.stop();
});

const login = (): ConfiguredLogin => logins.get('main')!;
async function cookie(): Promise<string> {
  return sealTicket(newTicket(login(), Date.now() + 60_000), login());
}

describe('a cookie', () => {
  it('is opened once for all who ask together, and given at once afterwards', async () => {
    const sent = await cookie();
    const keys = vi.spyOn(login(), 'keys');
    const [first, ...others] = await Promise.all(Array.from({ length: 20 }, async () => cache.open(sent)));
    expect(first?.login).toBe('main');
    for (const other of others) expect(other).toBe(first);
    expect(cache.open(sent)).toBe(first);
    expect(keys).toHaveBeenCalledTimes(1);
  });

  it('that is no good is no good each time, and takes nobody’s place', async () => {
    const sent = await cookie();
    const ticket = await cache.open(sent);
    for (let i = 0; i < 50; i++) expect(await cache.open(`invented-${i}`)).toBeNull();
    expect(cache.open(sent)).toBe(ticket);
    expect(complaints).toEqual([]);
  });

  it('is opened again after a change of the document: its key may be gone', async () => {
    const sent = await cookie();
    expect(await cache.open(sent)).not.toBeNull();
    process.env['TEST_COOKIE_KEY'] = secondKey;
    documents.set(document('/changed'));
    cache.clear();
    expect(await cache.open(sent)).toBeNull();
  });

  it('that is being opened while the document changes is not kept', async () => {
    const sent = await cookie();
    const opening = cache.open(sent);
    cache.clear();
    await opening;
    process.env['TEST_COOKIE_KEY'] = secondKey;
    documents.set(document('/changed'));
    expect(await cache.open(sent)).toBeNull();
  });

  it('is opened again after half a minute: its key may have been replaced in its file', async () => {
    const sent = await cookie();
    const clock = vi.spyOn(performance, 'now');
    const opened = await cache.open(sent);
    const now = performance.now();
    const keys = vi.spyOn(login(), 'keys').mockResolvedValue([]);
    clock.mockReturnValue(now + 29_000);
    expect(cache.open(sent)).toBe(opened);
    clock.mockReturnValue(now + 31_000);
    // The cache looks at the clock once in a millisecond.
    await until(async () => (await cache.open(sent)) === null);
    expect(keys).toHaveBeenCalled();
  });
});

it('keys that cannot be read are 503, told to the log by their place, and tried again', async () => {
  const sent = await cookie();
  process.env['TEST_COOKIE_KEY'] = 'too short';
  documents.set(document('/changed'));
  await expect(cache.open(sent)).rejects.toMatchObject({ code: 'unavailable' });
  expect(complaints).toEqual([['cookie_key', 'session cookies cannot be opened', expect.any(Error)]]);
  expect(String(complaints[0]?.[2])).not.toContain('too short');
  process.env['TEST_COOKIE_KEY'] = firstKey;
  documents.set(document('/again'));
  expect(await cache.open(sent)).not.toBeNull();
});

it('a thousand cookies may be on their way; the next one is 503 instead of waiting', async () => {
  const { promise: unread, resolve: read } = Promise.withResolvers<[]>();
  vi.spyOn(login(), 'keys').mockReturnValue(unread);
  const first = cache.open('cookie-0');
  const others = Array.from({ length: 999 }, async (_, i) => cache.open(`cookie-${i + 1}`));
  await expect(cache.open('one more')).rejects.toMatchObject({ code: 'unavailable' });
  // One that is under way already costs nothing more.
  expect(cache.open('cookie-0')).toBe(first);
  read([]);
  await Promise.all([first, ...others]);
  expect(await cache.open('one more')).toBeNull();
});
