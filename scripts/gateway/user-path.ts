import path from 'node:path';

/** A path as the user wrote it: npm runs scripts in the project's folder, wherever it was called. */
export function userPath(file: string, env: NodeJS.ProcessEnv = process.env): string {
  return path.resolve(env['INIT_CWD'] ?? '', file);
}
