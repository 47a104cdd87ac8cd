import { fork, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { nodeProgram, projectRoot } from '@sluice/testing';

/** What a load process can be told to do; arguments and results are plain data. */
// oxlint-disable-next-line typescript/no-explicit-any -- each driver names its own types, this is only their bound
export type Commands = Record<string, (argument: any) => unknown>;

interface Order {
  readonly id: number;
  readonly command: string;
  readonly argument: unknown;
}

interface Outcome {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
}

/** A load process: it makes traffic and counts answers, and its own time is never in a result. */
export interface Driver<C extends Commands> {
  call<Name extends keyof C & string>(
    command: Name,
    argument: Parameters<C[Name]>[0],
  ): Promise<Awaited<ReturnType<C[Name]>>>;
  stop(): Promise<void>;
}

export function startDriver<C extends Commands>(entry: string): Driver<C> {
  const child: ChildProcess = fork(path.join(projectRoot, entry), { execPath: nodeProgram });
  const waiting = new Map<number, (outcome: Outcome) => void>();
  let orders = 0;
  const killWithUs = (): boolean => child.kill('SIGKILL');
  process.once('exit', killWithUs);
  const exited = new Promise<void>((resolve) =>
    child.once('exit', () => {
      process.removeListener('exit', killWithUs);
      for (const [id, settle] of waiting) settle({ id, error: 'the load process ended' });
      resolve();
    }),
  );
  child.on('message', (outcome: Outcome) => waiting.get(outcome.id)?.(outcome));
  return {
    call: (command, argument) =>
      new Promise((resolve, reject) => {
        const order: Order = { id: ++orders, command, argument };
        waiting.set(order.id, (outcome) => {
          waiting.delete(order.id);
          if (outcome.error !== undefined) reject(new Error(`${entry} ${command}: ${outcome.error}`));
          else resolve(outcome.result as never);
        });
        child.send(order);
      }),
    stop: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** The other side: serves orders one after another until the parent goes. */
export function serveDriver(commands: Commands): void {
  process.on('message', ({ id, command, argument }: Order) => {
    const answer = (outcome: Omit<Outcome, 'id'>): void => void process.send!({ id, ...outcome });
    Promise.resolve()
      .then(() => commands[command]!(argument))
      .then(
        (result) => answer({ result }),
        (error: unknown) =>
          answer({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
      );
  });
  process.once('disconnect', () => process.exit(0));
}
