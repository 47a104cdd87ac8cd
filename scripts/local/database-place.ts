import { createHash } from 'node:crypto';
import { lstat, mkdir, readlink, rm, stat, symlink } from 'node:fs/promises';
import path from 'node:path';
import { sharedDirectory } from './postgres-programs.ts';
import { canReach, type RunAs } from './postgres-user.ts';
import { clusterExists } from './postgres.ts';
import { UserError } from './user-error.ts';

/**
 * Where the cluster of a data directory lies: in `<data dir>/postgres`, or, when PostgreSQL runs as a user who cannot
 * come there (root's own directories are closed to others), below /var/lib/sluice with a link in its place. The link
 * is what counts: without it, whatever lies at the other place belongs to a data directory that was deleted. A cluster
 * that is there stays there: root runs it as its owner. Throws {@link UserError} where that one cannot come to it.
 */
export async function databasePlace(dataDir: string, user: RunAs): Promise<string> {
  const place = path.join(dataDir, 'postgres');
  const elsewhere = placeElsewhere(dataDir);
  if ((await linkTarget(place)) === elsewhere) return elsewhere;
  if (clusterExists(place)) {
    if (user.uid === undefined || canReach(place, await ownerOf(place, user))) return place;
    throw new UserError(
      `PostgreSQL runs as the user who owns ${place}, and that user cannot come there: open the directories above it to that user, or take another --data-dir`,
    );
  }
  if (user.uid === undefined || canReach(dataDir, user)) return place;
  await rm(elsewhere, { recursive: true, force: true });
  await rm(place, { recursive: true, force: true });
  await mkdir(path.dirname(elsewhere), { recursive: true, mode: 0o755 });
  await symlink(elsewhere, place);
  return elsewhere;
}

/** Removes the cluster of a data directory, wherever it lies; a link to anything else is only unlinked. */
export async function removeDatabase(dataDir: string): Promise<void> {
  const place = path.join(dataDir, 'postgres');
  const elsewhere = placeElsewhere(dataDir);
  if ((await linkTarget(place)) === elsewhere) await rm(elsewhere, { recursive: true, force: true });
  await rm(place, { recursive: true, force: true });
}

/** Root runs a cluster as the user who owns it: PostgreSQL refuses another's files. */
export async function ownerOf(cluster: string, otherwise: RunAs): Promise<RunAs> {
  if (otherwise.uid === undefined) return otherwise;
  const status = await stat(cluster).catch(() => undefined);
  return status === undefined || status.uid === 0 ? otherwise : { uid: status.uid, gid: status.gid };
}

function placeElsewhere(dataDir: string): string {
  const name = createHash('sha256').update(dataDir).digest('hex').slice(0, 16);
  return path.join(sharedDirectory, 'data', name);
}

async function linkTarget(file: string): Promise<string | undefined> {
  const status = await lstat(file).catch(() => undefined);
  return status?.isSymbolicLink() === true ? readlink(file) : undefined;
}
