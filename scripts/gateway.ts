import { applyCommand } from './gateway/apply.ts';
import { auditCommand } from './gateway/audit.ts';
import { CommandError, type Command } from './gateway/command.ts';
import { checkCommand } from './gateway/check.ts';
import { consumersCommand } from './gateway/consumers.ts';
import { diffCommand } from './gateway/diff.ts';
import { keysCommand } from './gateway/keys.ts';
import { exportCommand, revisionsCommand, rollbackCommand } from './gateway/revisions.ts';
import { revocationsCommand, revokeCommand } from './gateway/revoke.ts';
import { routesCommand } from './gateway/routes.ts';
import { statusCommand, usageCommand } from './gateway/usage.ts';

/** `npm run gateway -- <command>`: looks into a running gateway and changes it. */
const commands: readonly Command[] = [
  checkCommand,
  diffCommand,
  applyCommand,
  exportCommand,
  revisionsCommand,
  rollbackCommand,
  consumersCommand,
  keysCommand,
  revokeCommand,
  revocationsCommand,
  usageCommand,
  auditCommand,
  routesCommand,
  statusCommand,
];

const [name, ...args] = process.argv.slice(2);
// A reader that has seen enough (`| head`) is no failure.
process.stdout.on('error', () => process.exit(0));
try {
  await main();
} catch (error) {
  const known = error instanceof CommandError;
  process.stderr.write(`gateway: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = known ? error.exitCode : 1;
}

async function main(): Promise<void> {
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(usage());
    return;
  }
  const command = commands.find((each) => each.name === name);
  if (!command) throw new CommandError(`there is no command "${name}"; --help lists those there are`, 2);
  if (args.includes('--help') || args.includes('-h')) process.stdout.write(`${command.help}\n`);
  else {
    const output = await command.run(args);
    process.stdout.write(typeof output === 'string' ? output : output.text);
    if (typeof output !== 'string') process.exitCode = output.exitCode;
  }
}

function usage(): string {
  const lines = commands.map((command) => `  ${command.name.padEnd(12)} ${command.summary}`);
  return `Usage: npm run gateway -- <command> [options]\n\n${lines.join('\n')}\n\n<command> --help tells its options.\n`;
}
