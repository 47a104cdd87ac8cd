import { connectBus } from '@sluice/nats';
import { startNatsServer, until, type TestNats } from '@sluice/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { CookieBrowser, Visit } from '../../../../tests/support/cookie-browser.ts';
import type { Caller } from '../../caller.ts';
import type { Ending } from '../../credentials/authenticator.ts';
import { sent } from '../../credentials/testing/credentials.ts';
import { startTestEdge, type TestEdge } from '../../testing/test-edge.ts';
import { entryOf, over, rewrite, sessions, ticketOf } from '../testing/crafted.ts';
import { documentOf, startLoginKit, type LoginKit } from '../testing/login-kit.ts';
import { Logins } from './logins.ts';
import { SessionStore } from './session-store.ts';
import { Sessions } from './sessions.ts';

let nats: TestNats;
let kit: LoginKit;
/** Another edge of the same gateway, with a router of the first one's. */
let second: TestEdge;
beforeAll(async () => {
  nats = await startNatsServer();
  kit = await startLoginKit({ nats });
  second = await startTestEdge({ nats });
  await second.document(documentOf(kit.edge, kit.provider));
  await until(() => second.table.get('me-GET'));
  second.backend = kit.edge.backend;
});
afterAll(async () => {
  await second.stop();
  await kit[Symbol.asyncDispose]();
  await nats.stop();
});
beforeEach(() => {
  kit.provider.trouble = null;
  kit.provider.delayMs = 0;
  kit.provider.users.set('alice', { roles: ['trader'] });
});

const me = (browser: CookieBrowser, edge = kit.edge): Promise<Visit> => browser.visit(`${edge.url}/v1/me`);
const refreshes = (): number => kit.provider.requests.get('/token') ?? 0;

describe('tokens that have ended', () => {
  it('are refreshed once for all requests of a session, and the provider’s word counts anew', async () => {
    const browser = await kit.logIn('alice');
    kit.provider.users.set('alice', { roles: ['viewer-of-charts'] });
    const before = refreshes();
    await rewrite(browser, [kit.edge, second], { state: over });
    const answers = await Promise.all(Array.from({ length: 20 }, () => me(browser)));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
    expect(answers[19]?.json()['roles']).toEqual(['viewer-of-charts']);
    expect(refreshes() - before).toBe(1);
  });

  it('are refreshed once by many edges: a provider that rotates would take a second use for theft', async () => {
    const browser = await kit.logIn('alice');
    expect((await me(browser, second)).status).toBe(200);
    for (let round = 0; round < 3; round++) {
      const before = refreshes();
      kit.provider.delayMs = 50;
      await rewrite(browser, [kit.edge, second], { state: over });
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, i) => me(browser, i % 2 === 0 ? kit.edge : second)),
      );
      expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
      expect(refreshes() - before).toBe(1);
    }
  });

  it('are refreshed before their end without anybody waiting', async () => {
    const browser = await kit.logIn('alice');
    const state = { access: { from: Date.now() - 60_000, to: Date.now() + 5_000 } };
    await rewrite(browser, [kit.edge, second], { state });
    await until(async () => {
      expect((await me(browser)).status).toBe(200);
      return ((await entryOf(browser, kit.edge))?.state.access?.to ?? 0) > state.access.to;
    });
  });

  it('are left to the edge that has said that it refreshes, and taken over when its time is up', async () => {
    const browser = await kit.logIn('alice');
    const before = refreshes();
    await rewrite(browser, [kit.edge, second], { state: over, stored: { renewing: Date.now() + 700 } });
    const answers = await Promise.all([me(browser), me(browser, second)]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(refreshes() - before).toBe(1);
    const entry = await entryOf(browser, kit.edge);
    expect(entry?.stored.renewing).toBe(0);
  });

  it('end the session where the provider does not refresh them', async () => {
    const browser = await kit.logIn('alice');
    await kit.provider.forget('alice');
    await rewrite(browser, [kit.edge, second], { state: over });
    await until(async () => (await me(browser)).status === 401);
    expect(await entryOf(browser, kit.edge)).toBeNull();
    expect((await me(browser, second)).status).toBe(401);
  });

  it('are 503 while the provider is away, and come back with it', async () => {
    const browser = await kit.logIn('alice');
    for (const trouble of ['refuse', 'fail'] as const) {
      kit.provider.trouble = trouble;
      await rewrite(browser, [kit.edge, second], { state: over });
      await until(async () => (await me(browser)).status === 503);
      expect((await me(browser)).status).toBe(503);
      kit.provider.trouble = null;
      await until(async () => (await me(browser)).status === 200, { timeoutMs: 20_000 });
    }
  });

  it('in their last moments go on where the provider is away', async () => {
    const browser = await kit.logIn('alice');
    const before = refreshes();
    kit.provider.trouble = 'fail';
    await rewrite(browser, [kit.edge, second], {
      state: { access: { from: Date.now() - 600_000, to: Date.now() + 20_000 } },
    });
    await until(async () => {
      expect((await me(browser)).status).toBe(200);
      return refreshes() > before;
    });
    expect((await me(browser)).status).toBe(200);
  });

  it('that cannot be refreshed end their session', async () => {
    const browser = await kit.logIn('alice');
    await rewrite(browser, [kit.edge, second], { state: { ...over, refreshToken: null } });
    await until(async () => (await me(browser)).status === 401);
  });

  it('do not bring back a session that is logged out meanwhile', async () => {
    const browser = await kit.logIn('alice');
    const { entry } = await ticketOf(browser, kit.edge);
    kit.provider.delayMs = 300;
    await rewrite(browser, [kit.edge, second], { state: over });
    const before = refreshes();
    const answer = me(browser);
    await until(() => refreshes() > before);
    await (await sessions(kit.edge)).delete(entry);
    expect((await answer).status).toBe(401);
    expect(await (await sessions(kit.edge)).get(entry)).toBeNull();
  });
});

it('a session that another edge has ended is refused here', async () => {
  const browser = await kit.logIn('alice');
  const cookies = new Map(browser.cookies(kit.edge.url));
  expect((await me(browser, second)).status).toBe(200);
  await browser.visit(`${kit.edge.url}/auth/main/logout`, {
    method: 'POST',
    headers: { origin: kit.edge.url },
  });
  for (const [name, value] of cookies) browser.cookies(kit.edge.url).set(name, value);
  await until(async () => (await me(browser, second)).status === 401);
});

describe('a live connection with a session', () => {
  const callerOf = async (browser: CookieBrowser): Promise<Caller> => {
    const cookie = [...browser.cookies(kit.edge.url)].map((pair) => pair.join('=')).join('; ');
    const caller = await kit.edge.authenticator.identify(sent({ cookie }), ['session']);
    if (caller === null) throw new Error('nobody');
    return caller;
  };

  it('hears of a logout, wherever it was', async () => {
    const browser = await kit.logIn('alice');
    const endings: Ending[] = [];
    const stop = kit.edge.authenticator.watch(await callerOf(browser), (why) => endings.push(why));
    await browser.visit(`${kit.edge.url}/auth/main/logout`, {
      method: 'POST',
      headers: { origin: kit.edge.url },
    });
    await until(() => endings.length > 0);
    expect(endings).toEqual(['revoked']);
    stop();
  });

  it('keeps its tokens fresh without a request, and ends when the provider does not refresh them', async () => {
    const browser = await kit.logIn('alice');
    const endings: Ending[] = [];
    const caller = await callerOf(browser);
    const told: (readonly string[] | undefined)[] = [];
    const stop = kit.edge.authenticator.watch(
      caller,
      (why) => endings.push(why),
      () => told.push(kit.edge.authenticator.current(caller)?.identity.roles),
    );
    kit.provider.users.set('alice', { roles: ['other'] });
    await rewrite(browser, [kit.edge, second], { state: over });
    await until(async () => ((await entryOf(browser, kit.edge))?.state.access?.to ?? 0) > Date.now());
    await until(() => told.length > 0);
    expect([told, endings]).toEqual([[['other']], []]);
    await kit.provider.forget('alice');
    await rewrite(browser, [kit.edge, second], { state: over });
    await until(() => endings.length > 0);
    expect(endings).toEqual(['revoked']);
    stop();
  });
});

it('any number of sessions costs an edge a bounded memory, and all of them are good', async () => {
  const bus = await connectBus({ servers: [nats.url], name: 'small' });
  const documents = second.documents;
  const logins = new Logins(documents);
  const small = new Sessions({ bus, replicas: 1, document: documents, logins, most: 5, report: () => {} });
  const browser = await kit.logIn('alice');
  const cookie = [...browser.cookies(kit.edge.url)].map((pair) => pair.join('=')).join('; ');
  const others = await Promise.all(Array.from({ length: 20 }, async (_, i) => kit.logIn(`user-${i}`)));
  for (const other of others) {
    const cookie = [...other.cookies(kit.edge.url)].map((pair) => pair.join('=')).join('; ');
    expect((await small.verify(sent({ cookie }))).source).toBe('main');
    expect(small.store.size).toBeLessThanOrEqual(5);
  }
  expect((await small.verify(sent({ cookie }))).identity.subject).toBe('alice');
  small.stop();
  await bus.close();
});

it('a store whose NATS was away forgets what it knew, because it may have missed an end', async () => {
  const own = await startNatsServer();
  const bus = await connectBus({ servers: [own.url], name: 'edge' });
  const other = await connectBus({ servers: [own.url], name: 'other' });
  const told: (string | null)[] = [];
  const store = new SessionStore({ bus, replicas: 1, most: 10, changed: (entry) => told.push(entry) });
  const session = { subject: 'a', started: 1, renewing: 0, sealed: 'x' };
  await store.create('main.a', session, Date.now() + 60_000);
  expect(store.peek('main.a')?.stored).toEqual(session);
  await own.restart();
  await until(() => told.includes(null), { timeoutMs: 20_000 });
  expect(store.peek('main.a')).toBeUndefined();
  await until(async () => (await store.find('main.a', false))?.stored.subject === 'a', { timeoutMs: 20_000 });
  store.stop();
  await Promise.all([bus.close(), other.close()]);
  await own.stop();
});
