import type { Credentials, DataDirectory } from './data-dir.ts';
import { databasePlace, ownerOf } from './database-place.ts';
import { freePort } from './free-port.ts';
import { clearPostmaster } from './leftovers.ts';
import { postgresPrograms } from './postgres-programs.ts';
import { postgresUser } from './postgres-user.ts';
import {
  clusterExists,
  createCluster,
  embeddedDatabase,
  embeddedRole,
  startPostgresServer,
} from './postgres.ts';
import { ranks } from './stop-order.ts';
import type { ProcessPlan } from './supervised.ts';

export interface LocalDatabase {
  readonly plan: ProcessPlan<void>;
  readonly url: string;
  readonly version: string;
}

/** The embedded PostgreSQL of a data directory; its cluster is made at the first start. */
export async function localDatabase(options: {
  dataDir: DataDirectory;
  credentials: Credentials;
  progress: (line: string) => void;
  onLine: (level: 'debug' | 'warn' | 'error', text: string) => void;
  signal: AbortSignal;
}): Promise<LocalDatabase> {
  const { dataDir, credentials, onLine } = options;
  const usual = await postgresUser();
  const directory = await databasePlace(dataDir.path, usual);
  const user = await ownerOf(directory, usual);
  const programs = await postgresPrograms(user);
  const cluster = { directory, programs, user };
  if (clusterExists(directory)) await clearPostmaster(directory);
  else {
    options.progress('creating the database (once)');
    await createCluster(cluster, credentials.databasePassword, options.signal);
  }
  const port = await freePort();
  const { databasePassword } = credentials;
  return {
    url: `postgres://${embeddedRole}:${databasePassword}@127.0.0.1:${port}/${embeddedDatabase}`,
    version: programs.version.replace(/(\.0)?(-.*)?$/, ''),
    plan: {
      name: 'postgres',
      rank: ranks.database,
      // Fast shutdown; SIGTERM would wait for every session to end by itself.
      signal: 'SIGINT',
      launch: async (onSpawn) => {
        await startPostgresServer(cluster, { port, onSpawn, onLine: (line) => onLine(levelOf(line), line) });
      },
    },
  };
}

function levelOf(line: string): 'debug' | 'warn' | 'error' {
  if (/\b(FATAL|PANIC|ERROR):/.test(line)) return 'error';
  return /\bWARNING:/.test(line) ? 'warn' : 'debug';
}
