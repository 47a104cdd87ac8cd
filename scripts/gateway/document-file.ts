import path from 'node:path';
import { loadDocumentFile, type LoadedFile } from '@sluice/policy';

/** Reads a document that is named on the command line: relative to where the user called npm, and named as it was written. */
export function loadNamedDocument(file: string, env: NodeJS.ProcessEnv): Promise<LoadedFile> {
  return loadDocumentFile(path.resolve(env['INIT_CWD'] ?? '', file), file);
}
