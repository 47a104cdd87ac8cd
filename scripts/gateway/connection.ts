import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { connectBus, type Bus } from '@sluice/nats';
import { CommandError } from './command.ts';
import { userPath } from './user-path.ts';

/** Options that every command which talks to a gateway takes. */
export const connectionOptions = {
  nats: { type: 'string' },
  'data-dir': { type: 'string' },
} as const;

export const connectionHelp = `  --nats URL        NATS server of the gateway; may hold user and password
  --data-dir DIR    data directory of a gateway started with npm start (default .sluice)

Without either, NATS_URL (with NATS_USER and NATS_PASSWORD) counts, then .sluice.`;

export interface Server {
  readonly url: string;
  readonly user?: string;
  readonly password?: string;
}

const defaultDataDir = '.sluice';
const connectMs = 3_000;

/** What was said on the command line comes before the environment, and that before the default directory. */
export async function findServer(
  values: { nats?: string | undefined; 'data-dir'?: string | undefined },
  env: NodeJS.ProcessEnv,
): Promise<Server> {
  if (values.nats !== undefined) return fromUrl(values.nats, env);
  if (values['data-dir'] !== undefined) return fromDataDir(userPath(values['data-dir']));
  if (env['NATS_URL']) return fromUrl(env['NATS_URL'], env);
  return fromDataDir(defaultDataDir);
}

/** Connects for the time of `work`. The command line waits seconds for a server, not half a minute. */
export async function withBus<Result>(server: Server, work: (bus: Bus) => Promise<Result>): Promise<Result> {
  let bus: Bus;
  try {
    bus = await connectBus({
      servers: server.url.split(',').map((each) => each.trim()),
      ...(server.user === undefined ? {} : { user: server.user }),
      ...(server.password === undefined ? {} : { password: server.password }),
      name: 'gateway command',
      waitMs: connectMs,
    });
  } catch (error) {
    throw new CommandError(error instanceof Error ? error.message : String(error));
  }
  try {
    return await work(bus);
  } finally {
    await bus.close();
  }
}

/** User and password of a URL are taken out of it: messages show the URL. */
function fromUrl(text: string, env: NodeJS.ProcessEnv): Server {
  let user = env['NATS_USER'];
  let password = env['NATS_PASSWORD'];
  const urls = text.split(',').map((each) => {
    const whole = each.includes('://') ? each.trim() : `nats://${each.trim()}`;
    if (!URL.canParse(whole))
      throw new CommandError(`"${each.trim()}" is not the address of a NATS server`, 2);
    const url = new URL(whole);
    if (url.username !== '') user = decodeURIComponent(url.username);
    if (url.password !== '') password = decodeURIComponent(url.password);
    return `${url.protocol}//${url.host}`;
  });
  return {
    url: urls.join(','),
    ...(user ? { user } : {}),
    ...(password ? { password } : {}),
  };
}

/** Reads `endpoints.json`, which `npm start` keeps in its data directory while it runs. */
async function fromDataDir(directory: string): Promise<Server> {
  const file = path.join(directory, 'endpoints.json');
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new CommandError(
      missing
        ? `no gateway runs in ${directory} (${file} does not exist): start one with npm start, or name its server with --nats`
        : `${file} cannot be read: ${(error as Error).message}`,
    );
  }
  const nats = natsOf(text);
  if (!nats) throw new CommandError(`${file} does not say where NATS is: start the gateway again`);
  return nats;
}

function natsOf(text: string): Server | null {
  let nats: unknown;
  try {
    nats = (JSON.parse(text) as { nats?: unknown } | null)?.nats;
  } catch {
    return null;
  }
  if (typeof nats !== 'object' || nats === null) return null;
  const { url, user, password } = nats as Record<string, unknown>;
  if (typeof url !== 'string') return null;
  return {
    url,
    ...(typeof user === 'string' && user !== '' ? { user } : {}),
    ...(typeof password === 'string' && password !== '' ? { password } : {}),
  };
}
