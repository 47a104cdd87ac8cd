import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';

/** A subcommand of `npm run gateway`. */
export interface Command {
  readonly name: string;
  readonly summary: string;
  readonly help: string;
  /** Gives what is printed on standard output. Throws {@link CommandError} for everything a user can mend. */
  run(args: readonly string[]): Promise<string>;
}

/** Ends the program with one sentence: exit code 1 for what went wrong, 2 for a wrong call. */
export class CommandError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode = 1) {
    super(message);
    this.name = 'CommandError';
    this.exitCode = exitCode;
  }
}

/** `parseArgs` of Node whose complaints are {@link CommandError}s. No command takes positional arguments yet. */
export function parseOptions<const Options extends ParseArgsOptionsConfig>(
  args: readonly string[],
  options: Options,
) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: false, strict: true }).values;
  } catch (error) {
    const [sentence = ''] = (error as Error).message.split('. ');
    throw new CommandError(sentence, 2);
  }
}
