import { parentPort } from 'node:worker_threads';
import type { ThreadAnswer } from './thread-pool.ts';
import { perform, type Work } from './work.ts';

parentPort?.on('message', (work: Work) => {
  void perform(work)
    .then(
      (value): ThreadAnswer => ({ value }),
      (error: unknown): ThreadAnswer => ({ error: error instanceof Error ? error.message : String(error) }),
    )
    .then((answer) => parentPort?.postMessage(answer, []));
});
