import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';

/** A subcommand of `npm run gateway`. */
export interface Command {
  readonly name: string;
  readonly summary: string;
  readonly help: string;
  /** Gives what is printed on standard output, with an exit code where that is not 0. Throws {@link CommandError} for everything a user can mend. */
  run(args: readonly string[]): Promise<string | CommandOutput>;
}

export interface CommandOutput {
  readonly text: string;
  readonly exitCode: number;
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

/** `parseArgs` of Node whose complaints are {@link CommandError}s, for commands without positional arguments. */
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

/** The same for commands that take positional arguments: exactly those that are named here. */
export function parseArguments<const Options extends ParseArgsOptionsConfig, const Names extends string>(
  args: readonly string[],
  options: Options,
  names: readonly Names[],
) {
  let parsed;
  try {
    parsed = parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    const [sentence = ''] = (error as Error).message.split('. ');
    throw new CommandError(sentence, 2);
  }
  const { values, positionals } = parsed;
  const missing = names[positionals.length];
  if (missing !== undefined) throw new CommandError(`${missing} is missing`, 2);
  if (positionals.length > names.length)
    throw new CommandError(`"${positionals[names.length]}" is one argument too many`, 2);
  const named = Object.fromEntries(names.map((name, index) => [name, positionals[index]]));
  return { values, arguments: named as Record<Names, string> };
}
