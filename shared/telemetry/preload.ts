import { isMainThread } from 'node:worker_threads';
import { leaveOnSignals } from './signals.ts';

/**
 * For `node --import`, before a service's main.ts: signals count from here on. No import of main.ts could do that, be it
 * the first one, because everything that it imports is loaded and compiled before anything of it runs. Measured in a
 * router that starts alone: 35 ms until here, 600 ms until its first import, 650 ms until runService. Threads of a
 * process start with the same options and get no signals.
 */
if (isMainThread) leaveOnSignals();
