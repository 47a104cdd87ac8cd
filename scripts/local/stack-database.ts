import { checkDatabase } from './database-check.ts';
import { localDatabase } from './local-database.ts';
import type { ServerOptions } from './stack-server.ts';
import type { Supervised } from './supervised.ts';

/** The database that a stack writes to. */
export interface StackDatabase {
  readonly url: string;
  /** Undefined for a server that is not ours. */
  readonly server: Supervised<void> | undefined;
}

/** Looks at the database that DATABASE_URL names, if it does, before anything is started. Throws {@link UserError}. */
export async function checkStackDatabase(env: NodeJS.ProcessEnv): Promise<void> {
  if (env['DATABASE_URL']) await checkDatabase(env['DATABASE_URL']);
}

/** Takes the database that DATABASE_URL names, or starts one of our own. Rejects when that does not become ready. */
export async function startStackDatabase(options: ServerOptions): Promise<StackDatabase> {
  const { env, dataDir, processes, view, signal } = options;
  const say = (text: string): void => view.say('start', 'info', text);
  const external = env['DATABASE_URL'];
  if (external) {
    say(`database at ${new URL(external).host}, as DATABASE_URL says`);
    return { url: external, server: undefined };
  }
  const { plan, url, version } = await localDatabase({
    dataDir,
    credentials: await dataDir.credentials(),
    progress: say,
    onLine: (level, text) => view.say('postgres', level, text),
    signal,
  });
  const server = processes.supervise(plan);
  await server.start();
  say(`PostgreSQL ${version} on ${new URL(url).host}`);
  return { url, server };
}
