import type { DataDirectory } from './data-dir.ts';
import type { LogView } from './log-view.ts';
import type { StackProcesses } from './stack-processes.ts';

/** What a server of the stack is found or started with. */
export interface ServerOptions {
  /** May name a server that is there already. */
  readonly env: NodeJS.ProcessEnv;
  readonly dataDir: DataDirectory;
  /** Takes the process in where the server is ours. */
  readonly processes: StackProcesses;
  readonly view: LogView;
  /** Aborted when the stack stops. */
  readonly signal: AbortSignal;
}
