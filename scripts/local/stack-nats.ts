import { localNats } from './local-nats.ts';
import type { LogView } from './log-view.ts';
import type { NatsPasswords } from './nats-accounts.ts';
import { checkNats, natsAccessFrom, type NatsAccess } from './nats-check.ts';
import { natsServerPath, natsVersion } from './nats-server.ts';
import type { ServerOptions } from './stack-server.ts';
import type { Supervised } from './supervised.ts';

/** The NATS that a stack talks over. */
export interface StackNats {
  /** What people connect with. */
  readonly access: NatsAccess;
  /** By user; undefined for a server that is not ours. */
  readonly passwords: NatsPasswords | undefined;
  readonly server: Supervised<void> | undefined;
}

/** A request body of the default limit, 1 MiB, in its envelope. */
const leastPayload = 1024 * 1024 + 64 * 1024;

/** Looks at the server that NATS_URL names, if it does, before anything is started. Throws {@link UserError}. */
export async function checkStackNats(env: NodeJS.ProcessEnv, view: LogView): Promise<void> {
  if (!env['NATS_URL']) return;
  const { maxPayload } = await checkNats(natsAccessFrom(env));
  if (maxPayload < leastPayload)
    view.say(
      'start',
      'warn',
      `that NATS server takes ${maxPayload} bytes in one message: larger bodies are refused, max_payload 8MB is better`,
    );
}

/** Takes the server that NATS_URL names, or starts one of our own. Rejects when that does not become ready. */
export async function startStackNats(options: ServerOptions): Promise<StackNats> {
  const { env, dataDir, processes, view, signal } = options;
  const say = (text: string): void => view.say('start', 'info', text);
  if (env['NATS_URL']) {
    const access = natsAccessFrom(env);
    say(`NATS at ${access.url}, as NATS_URL says`);
    return { access, passwords: undefined, server: undefined };
  }
  const program = await natsServerPath({ progress: say, env, signal });
  const credentials = await dataDir.credentials();
  const { plan, url } = await localNats({
    program,
    dataDir,
    credentials,
    onLine: (level, text) => view.say('nats', level, text),
  });
  const server = processes.supervise(plan);
  await server.start();
  say(`nats-server ${await natsVersion(program)} on ${url}`);
  const passwords = credentials.natsPasswords;
  return { access: { url, user: 'operator', password: passwords['operator'] }, passwords, server };
}

/**
 * What a process is told to connect with: a NATS server of somebody else has the users that NATS_URL names; ours has one
 * for each process.
 */
export function natsEnvironment({ access, passwords }: StackNats, name: string): Record<string, string> {
  const own = passwords === undefined ? access : { user: name, password: passwords[name] };
  return { NATS_URL: access.url, NATS_USER: own.user ?? '', NATS_PASSWORD: own.password ?? '' };
}
