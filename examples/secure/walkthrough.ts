/**
 * Who may call, and how often, step by step on the running stack:
 * `npm run --silent with-stack -- node examples/secure/walkthrough.ts [--no-browser] [--replace]`. README.md tells more.
 */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { connectBus, publishStored, type Bus } from '@sluice/nats';
import { fillDocument } from './document.ts';
import { PrivateChannel } from './private-channel.ts';
import { startDemoService } from './service.ts';
import { gateway, quietly, say, step, StepError } from './terminal.ts';

/** Another one at each walk: limits count by consumer, and remember the walk before. */
const consumer = `demo-shop-${randomBytes(3).toString('hex')}`;
const comment = 'examples/secure';
const { values } = parseArgs({
  options: {
    'no-browser': { type: 'boolean', default: false },
    replace: { type: 'boolean', default: false },
    provider: { type: 'string', default: 'http://localhost:9400' },
  },
});
const address = process.env['SLUICE_URL'] ?? 'http://127.0.0.1:8080';
const ordinaryData = path.resolve(import.meta.dirname, '../../.sluice');
const keyFile = process.env['SLUICE_ADMIN_KEY_FILE'];
const dataFolder = keyFile === undefined ? ordinaryData : path.dirname(keyFile);

try {
  await walk();
} catch (error) {
  if (!(error instanceof StepError)) throw error;
  process.stderr.write(`\nwalkthrough: ${error.message}\n`);
  process.exitCode = 1;
}

async function walk(): Promise<void> {
  await refuseOther();
  const bus = await connectBus({
    servers: [process.env['NATS_URL'] ?? 'nats://127.0.0.1:4222'],
    name: 'example: walk-through of credentials',
    ...(process.env['NATS_USER'] ? { user: process.env['NATS_USER'] } : {}),
    ...(process.env['NATS_PASSWORD'] ? { password: process.env['NATS_PASSWORD'] } : {}),
  });
  const arrival = Promise.withResolvers<string>();
  const service = await startDemoService(bus, { onArrival: arrival.resolve });
  try {
    await removeLeftovers();
    await applyDocument();
    const key = await makeKey();
    await callWithout();
    await callUntilLimited(key);
    await listenUntilDisabled(bus, key);
    if (!values['no-browser']) await logInAndRevoke(bus, arrival.promise);
    await finish();
  } finally {
    await service.stop();
    await bus.close();
  }
}

/** The walk-through applies a whole document: it must not take the place of one that somebody needs. */
async function refuseOther(): Promise<void> {
  const { data } = JSON.parse(await quietly('revisions', '--json')) as {
    data: { current: boolean; comment: string | null }[];
  };
  const current = data.find((revision) => revision.current);
  if (current && current.comment !== comment && !values.replace)
    throw new StepError(
      'this gateway has a document already: --replace puts the one of the example in its place',
    );
}

/** Of walks that were interrupted. */
async function removeLeftovers(): Promise<void> {
  const consumers = JSON.parse(await quietly('consumers', '--json')) as { id: string }[];
  for (const { id } of consumers)
    if (/^demo-shop-[0-9a-f]{6}$/.test(id)) await quietly('consumers', 'delete', id);
}

async function applyDocument(): Promise<void> {
  step('Say who may call what, and how often');
  const document = await fillDocument({
    gateway: address,
    provider: values.provider,
    cookieKeyFile: path.join(dataFolder, 'demo-cookie-key'),
  });
  await gateway('apply', document.file, '--comment', comment);
  await document.remove();
}

async function makeKey(): Promise<string> {
  step('Make a consumer, and a key for it');
  await gateway('consumers', 'create', consumer, '--quota', 'demo-day');
  return (await gateway('keys', 'create', consumer, '--name', 'walk-through', '--expires', '1d')).trim();
}

async function callWithout(): Promise<void> {
  step('Be refused without it');
  const response = await untilStatus(401);
  show(response, ['www-authenticate']);
}

async function callUntilLimited(key: string): Promise<void> {
  step('Be limited with it: five calls a minute');
  say('with X-API-Key: slk_…');
  show(await untilStatus(200, key), ['ratelimit-policy', 'ratelimit']);
  const limited = await untilStatus(429, key, 10);
  show(limited, ['ratelimit', 'retry-after']);
  await gateway('usage', consumer);
}

async function listenUntilDisabled(bus: Bus, key: string): Promise<void> {
  step('Listen to a private channel, until the key is taken back');
  const channel = await PrivateChannel.open(address);
  const own = `client.${consumer}.orders`;
  const stranger = await channel.ask({ op: 'subscribe', channels: [own] });
  say(`subscribe ${own} without a key: ${stranger.error?.code}`);
  const { ok, error } = await channel.ask({ op: 'auth', token: key });
  if (ok !== true) throw new StepError(`the key was not taken: ${error?.detail}`);
  const other = await channel.ask({ op: 'subscribe', channels: ['client.somebody-else.orders'] });
  say(`subscribe client.somebody-else.orders with it: ${other.error?.code}`);
  const subscribed = await channel.ask({ op: 'subscribe', channels: [own] });
  if (subscribed.ok !== true) throw new StepError(`the channel was refused: ${subscribed.error?.detail}`);
  say(`subscribe ${own} with it: ok`);
  await publish(bus, own, { text: 'an order' });
  say(`event: ${JSON.stringify(await channel.event())}`);
  const id = key.split('_')[1] as string;
  await gateway('keys', 'disable', id);
  say(`closed: ${await channel.closed()}`);
  await untilStatus(401, key);
  await gateway('audit', '--target', `key/${id}`);
}

async function logInAndRevoke(bus: Bus, arrival: Promise<string>): Promise<void> {
  step('Log in through a browser');
  const elsewhere = dataFolder !== ordinaryData && existsSync(path.join(dataFolder, 'endpoints.json'));
  const data = elsewhere ? `--data-dir ${dataFolder} ` : '';
  say(`In another terminal:  npm run --silent with-stack -- ${data}node examples/secure/provider.ts`);
  say(`In a browser:         ${address}/secure`);
  say('\nwaiting for somebody to log in …');
  const subject = await arrival;
  say(`${subject} has logged in and listens to user.${subject}.notes`);
  await publish(bus, `user.${subject}.notes`, { text: `Hello ${subject}, nobody else can read this.` });

  step('Revoke the session, and see the socket close in the browser');
  // Long enough to read what came before.
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  await gateway('revoke', '--issuer', 'demo', '--subject', subject, '--reason', 'walk-through');
  await gateway('audit', '--action', 'revocation', '--limit', '1');
}

async function finish(): Promise<void> {
  step('Clean up');
  await gateway('consumers', 'delete', consumer);
  say('\nThe document stays; `npm run gateway -- rollback` takes the one before it, if there was one.');
}

/** The route appears within two seconds, keys and limits within one: calls until the answer has the status. */
async function untilStatus(status: number, key?: string, calls = 300): Promise<Response> {
  for (let left = calls; ; left -= 1) {
    const response = await fetch(
      `${address}/v1/demo/hello`,
      key === undefined ? {} : { headers: { 'x-api-key': key } },
    );
    await response.arrayBuffer();
    if (response.status === status) return response;
    if (left === 0) throw new StepError(`GET /v1/demo/hello answers ${response.status} and not ${status}`);
    if (status !== 429) await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function show(response: Response, fields: readonly string[]): void {
  say(`GET /v1/demo/hello → ${response.status}`);
  for (const name of fields) say(`  ${name}: ${response.headers.get(name)}`);
}

async function publish(bus: Bus, channel: string, data: object): Promise<void> {
  await publishStored(bus, `live.in.${channel}`, JSON.stringify(data), { deadline: Date.now() + 10_000 });
}
