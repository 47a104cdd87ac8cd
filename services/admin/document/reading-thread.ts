import { parentPort } from 'node:worker_threads';
import { readDocumentText, type DocumentFormat, type ReadDocument } from './read-text.ts';

/** What the thread of `document-reader.ts` is asked, and answers. */
export interface Reading {
  readonly text: string;
  readonly format: DocumentFormat;
}

parentPort?.on('message', ({ text, format }: Reading) => {
  const answer: ReadDocument = readDocumentText(text, format);
  parentPort?.postMessage(answer, []);
});
