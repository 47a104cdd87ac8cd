import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { unpackDebianPackage } from '../../scripts/local/apt-package.ts';
import { cacheDirectory, cacheProgram } from '../../scripts/local/cache.ts';

const run = promisify(execFile);

/** A program that the machine may have, and that Debian's suite has in a package for everybody else. */
interface Wanted {
  /** Tried first; a name is looked for on PATH. */
  readonly names: readonly string[];
  /** Whether this one is new enough; rejects where it cannot be run. */
  readonly fits: (program: string) => Promise<boolean>;
  readonly package: string;
  /** Path of the program in the package. */
  readonly file: string;
}

/** Its binaries run on Debian 12 and later. */
const suite = 'forky';

/** kubectl with kustomize 5: older ones know neither components nor labels. */
export async function findKubectl(): Promise<string> {
  return await find({
    names: ['kubectl'],
    fits: async (program) => {
      const { stdout } = await run(program, ['version', '--client', '--output', 'json']);
      const { kustomizeVersion = '' } = JSON.parse(stdout) as { kustomizeVersion?: string };
      return Number(/^v(\d+)/.exec(kustomizeVersion)?.[1] ?? 0) >= 5;
    },
    package: 'kubectl',
    file: 'usr/bin/kubectl',
  });
}

/** Docker's compose plugin, which is a program of its own too; the one in Python of older systems is another format. */
export async function findCompose(): Promise<string> {
  return await find({
    names: [
      '/usr/libexec/docker/cli-plugins/docker-compose',
      '/usr/lib/docker/cli-plugins/docker-compose',
      'docker-compose',
    ],
    fits: async (program) => {
      const { stdout } = await run(program, ['version', '--short']);
      return Number(/^v?(\d+)/.exec(stdout)?.[1] ?? 0) >= 2;
    },
    package: 'docker-compose',
    file: 'usr/libexec/docker/cli-plugins/docker-compose',
  });
}

async function find(wanted: Wanted): Promise<string> {
  const cached = path.join(cacheDirectory(), 'bin', path.basename(wanted.file));
  const fits = async (program: string): Promise<boolean> => await wanted.fits(program).catch(() => false);
  for (const program of [...wanted.names, cached]) if (await fits(program)) return program;
  await cacheProgram(cached, async (scratch) => {
    const root = await unpackDebianPackage({ name: wanted.package, suite, directory: scratch });
    return path.join(root, wanted.file);
  });
  if (!(await fits(cached))) throw new Error(`${wanted.package} of Debian ${suite} does not run here`);
  return cached;
}

/** The program's path, or the reason why there is none. */
export async function orReason(program: Promise<string>): Promise<{ path: string; reason: string }> {
  return await program.then(
    (found) => ({ path: found, reason: '' }),
    (error: unknown) => ({ path: '', reason: error instanceof Error ? error.message : String(error) }),
  );
}
