import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { projectRoot } from '@sluice/testing';

interface Locked {
  readonly version?: string;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const { packages } = JSON.parse(readFileSync(path.join(projectRoot, 'package-lock.json'), 'utf8')) as {
  packages: Readonly<Record<string, Locked>>;
};

/** Where Node would find a package from the folder of another, as a key of the lock file. */
function placeOf(name: string, folder: string): string | undefined {
  const at = `${folder === '' ? '' : `${folder}/`}node_modules/${name}`;
  if (at in packages) return at;
  if (folder === '') return undefined;
  return placeOf(name, folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/'))));
}

/**
 * `npm ci` refuses a lock file that leaves out a package, even one for a platform that it does not run on; npm writes such
 * a file where a registry does not have the packages of every platform.
 */
it('the lock file has every package that another one asks for, for whatever platform', () => {
  const missing = Object.entries(packages).flatMap(([folder, { dependencies, optionalDependencies }]) =>
    Object.keys({ ...dependencies, ...optionalDependencies })
      .filter((name) => placeOf(name, folder) === undefined)
      .map((name) => `${folder}: ${name}`),
  );
  expect(missing).toEqual([]);
});

/** npm would take an entry without `os` for one that it has to install here. */
it('a package that only some platforms have is marked as that', () => {
  const platform = /[/-](android|darwin|freebsd|linux|openharmony|win32)-/;
  const unmarked = Object.entries(packages).flatMap(([place, { os, optional }]) => {
    const named = platform.exec(place)?.[1];
    return named === undefined || (optional === true && os?.includes(named)) ? [] : [place];
  });
  expect(unmarked).toEqual([]);
});
