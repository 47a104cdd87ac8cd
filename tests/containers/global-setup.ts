import type { TestProject } from 'vitest/node';
import { prepareImages } from './support/images.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Why containers cannot be tested here; empty when they can. */
    containersMissing: string;
  }
}

/** Images are made once for all files of the suite. */
export default async function setup(project: TestProject): Promise<void> {
  project.provide('containersMissing', (await prepareImages()) ?? '');
}
