import { startNatsServer, startStack, type TestNats, type TestStack } from '@sluice/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { GatewayReply } from '../../live-port.ts';
import { startLoginKit, type LoginKit } from '../testing/login-kit.ts';

let nats: TestNats;
let workers: TestStack;
let kit: LoginKit;
beforeAll(async () => {
  nats = await startNatsServer();
  workers = await startStack({ services: ['ratelimit'], nats });
  kit = await startLoginKit({ nats });
});
afterAll(async () => {
  await kit[Symbol.asyncDispose]();
  await workers.stop();
  await nats.stop();
});

const ask = (path: string, options: RequestInit = {}) =>
  fetch(`${kit.edge.url}/auth/main/${path}`, { redirect: 'manual', ...options });
const from = (address: string, target = '/auth/main/session'): Promise<GatewayReply> =>
  kit.edge.call({ method: 'GET', target, headers: [], body: new Uint8Array(0), address, caller: null });

it('the pages of logins are bounded without a word in the document, and say so', async () => {
  const answers = [await ask('login'), await ask('session'), await ask('callback?state=0x')];
  expect(answers.map(({ status }) => status)).toEqual([302, 401, 400]);
  for (const { headers } of answers) {
    expect(headers.get('ratelimit-policy')).toBe('"logins";q=300;w=60');
    expect(headers.get('ratelimit')).toMatch(/^"logins";r=\d+;t=\d+$/);
  }
  // Nothing is spent for what is no page of a login.
  expect((await ask('elsewhere')).headers.get('ratelimit')).toBeNull();
});

it('a limit `logins` of the document takes the place of the built-in one', async () => {
  const limits = { logins: { limit: 4, window: '1h', key: ['network' as const] } };
  await kit.configure({}, { limits });
  const answers = [await ask('login'), await ask('session'), await ask('callback?state=0x')];
  answers.push(await ask('logout', { method: 'POST', headers: { origin: kit.edge.url } }));
  expect(answers.map(({ status }) => status)).not.toContain(429);

  for (const path of ['login', 'session', 'callback?state=0x']) {
    const refused = await ask(path);
    expect([refused.status, refused.headers.get('content-type')]).toEqual([429, 'application/problem+json']);
    expect(refused.headers.get('ratelimit-policy')).toBe('"logins";q=4;w=3600');
    expect(refused.headers.get('ratelimit')).toMatch(/^"logins";r=0;t=\d+$/);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await refused.json()).toMatchObject({
      code: 'too_many_requests',
      detail: 'The limit "logins" is reached.',
    });
  }
  const page = await ask('login', { headers: { accept: 'text/html' } });
  expect([page.status, page.headers.get('content-type')]).toEqual([429, 'text/html; charset=utf-8']);
  expect(Number(page.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(page.headers.get('set-cookie')).toBeNull();

  // Others are not kept from it, and nobody from anything else.
  expect((await from('2001:db8::1')).status).toBe(401);
  expect((await fetch(`${kit.edge.url}/v1/me`)).status).toBe(401);
  await kit.configure({});
  expect((await ask('session')).status).toBe(401);
});

it('an IPv6 network counts as one', async () => {
  const limits = { logins: { limit: 5, window: '1h', key: ['network' as const] } };
  await kit.configure({}, { limits });
  const statuses: number[] = [];
  for (let host = 1; host <= 6; host++) statuses.push((await from(`2001:db8:7:1::${host}`)).status);
  // Fewer than five where this machine stands still and a grant is lost on its way.
  expect(statuses.at(0)).toBe(401);
  expect(statuses.at(-1)).toBe(429);
  expect((await from('2001:db8:7:2::1')).status).toBe(401);
});
