import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** The document of this folder with the places of this machine in it, as a file to apply. */
export interface FilledDocument {
  readonly file: string;
  /** The cookie key stays: the edges read it. */
  remove(): Promise<void>;
}

/** Fills gateway.yaml in. The cookie key is made once, beside the data of the stack, for its owner only. */
export async function fillDocument(places: {
  gateway: string;
  provider: string;
  cookieKeyFile: string;
}): Promise<FilledDocument> {
  await writeFile(places.cookieKeyFile, randomBytes(32).toString('hex'), { mode: 0o600, flag: 'wx' }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    },
  );
  const text = (await readFile(path.join(import.meta.dirname, 'gateway.yaml'), 'utf8'))
    .replace('http://127.0.0.1:8080', places.gateway)
    .replace('http://localhost:9400', places.provider)
    .replace('{ file: .sluice/demo-cookie-key }', `{ file: ${JSON.stringify(places.cookieKeyFile)} }`);
  const folder = await mkdtemp(path.join(tmpdir(), 'sluice-secure-'));
  const file = path.join(folder, 'gateway.yaml');
  await writeFile(file, text);
  return { file, remove: () => rm(folder, { recursive: true, force: true }) };
}
