import { execFile } from 'node:child_process';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { aptArchives, type AptArchive } from './apt-sources.ts';

const run = promisify(execFile);

export interface PackageRequest {
  readonly name: string;
  readonly suite: string;
  /** An empty directory; everything is written below it. */
  readonly directory: string;
  readonly signal?: AbortSignal;
}

/**
 * Downloads a Debian package of another suite and unpacks it into `directory/root`, without touching the machine's
 * own package lists, as root or not. Signature and hashes are checked by apt itself, with the keys of the machine's
 * own sources. Rejects with a short reason.
 */
export async function unpackDebianPackage(options: PackageRequest): Promise<string> {
  const archives = await aptArchives();
  if (archives.length === 0) throw new Error('this machine has no Debian archive in its apt sources');
  let reason = '';
  for (const archive of archives.slice(0, 3)) {
    try {
      return await download(archive, options);
    } catch (error) {
      reason = lastLine(error);
    }
  }
  throw new Error(`apt could not download ${options.name} from suite ${options.suite}: ${reason}`);
}

async function download(archive: AptArchive, options: PackageRequest): Promise<string> {
  const { directory } = options;
  await mkdir(path.join(directory, 'lists/partial'), { recursive: true });
  await mkdir(path.join(directory, 'cache/archives/partial'), { recursive: true });
  await writeFile(path.join(directory, 'status'), '');
  const architecture = (await run('dpkg', ['--print-architecture'])).stdout.trim();
  const sources = path.join(directory, 'private.sources');
  await writeFile(
    sources,
    [
      'Types: deb',
      `URIs: ${archive.uri}`,
      `Suites: ${options.suite}`,
      'Components: main',
      `Architectures: ${architecture}`,
      // Package lists only: a desktop's configuration would have apt fetch descriptions and icons as well.
      'Targets: Packages',
      ...(archive.signedBy === undefined ? [] : [`Signed-By: ${archive.signedBy}`]),
      '',
    ].join('\n'),
  );
  const configuration = path.join(directory, 'private.conf');
  await writeFile(configuration, aptConfiguration(directory, sources));
  const apt = (...args: string[]): Promise<unknown> =>
    run('apt-get', ['-q', '-y', '-c', configuration, ...args], {
      cwd: directory,
      env: { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' },
      timeout: 180_000,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
  await apt('update');
  await apt('download', options.name);
  const file = (await readdir(directory)).find((entry) => entry.endsWith('.deb'));
  if (file === undefined) throw new Error('apt-get download left no package');
  const root = path.join(directory, 'root');
  await run('dpkg-deb', ['--extract', path.join(directory, file), root]);
  return root;
}

/**
 * Everything apt writes goes into `directory`. The machine's own configuration is kept (it may name a proxy), except
 * for hooks, which would act on the machine, and the sandbox user, who cannot reach a private directory.
 */
function aptConfiguration(directory: string, sources: string): string {
  return [
    '#clear APT::Update::Post-Invoke;',
    '#clear APT::Update::Post-Invoke-Success;',
    '#clear APT::Update::Pre-Invoke;',
    `Dir::Etc::SourceList "${sources}";`,
    'Dir::Etc::SourceParts "/dev/null";',
    `Dir::State "${directory}";`,
    `Dir::State::Lists "${directory}/lists";`,
    `Dir::State::status "${directory}/status";`,
    `Dir::Cache "${directory}/cache";`,
    'APT::Sandbox::User "";',
    'Acquire::Languages "none";',
    'Acquire::Retries "2";',
    'Acquire::http::Timeout "20";',
    '',
  ].join('\n');
}

/** apt says what went wrong in its last lines on standard error; a missing apt is a spawn error. */
function lastLine(error: unknown): string {
  const { code, stderr, message } = error as { code?: unknown; stderr?: string; message: string };
  if (code === 'ENOENT') return 'apt-get or dpkg is not installed';
  const lines = (stderr ?? '').split('\n').filter((line) => /^[EW]:/.test(line));
  return (
    lines
      .find((line) => line.startsWith('E:'))
      ?.slice(2)
      .trim() ??
    message.split('\n')[0] ??
    'unknown'
  );
}
