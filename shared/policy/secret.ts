import { readFile } from 'node:fs/promises';
import type { SecretReference } from './document/parts.ts';

/**
 * Reads a secret that the document refers to; one newline at its end belongs to the file, not to the secret. Throws an
 * Error that names the variable or the file, never what is in it.
 */
export async function readSecret(
  reference: SecretReference,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<string> {
  if ('env' in reference) return present(env[reference.env], `environment variable ${reference.env}`);
  let text;
  try {
    text = await readFile(reference.file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unreadable';
    throw new Error(`secret file ${reference.file} cannot be read (${code})`, { cause: error });
  }
  return present(text, `secret file ${reference.file}`);
}

function present(text: string | undefined, name: string): string {
  const value = text?.replace(/\r?\n$/, '');
  if (!value) throw new Error(`${name} is ${value === undefined ? 'not set' : 'empty'}`);
  return value;
}
