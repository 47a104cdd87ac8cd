import type { DocumentChange } from '@sluice/policy';
import { AdminClient, adminHelp, adminOptions } from './admin-client.ts';
import { formatChanges, formatWarnings, type ChangeWarning } from './changes.ts';
import { formatFaults } from './check.ts';
import { CommandError, parseArguments, type Command } from './command.ts';
import { loadNamedDocument } from './document-file.ts';

/** What the control API answers to a changed document. */
export interface AppliedAnswer {
  readonly revision: number;
  readonly changed: boolean;
  readonly changes: readonly DocumentChange[];
  readonly total: number;
  readonly warnings: readonly ChangeWarning[];
}

export const applyCommand: Command = {
  name: 'apply',
  summary: 'makes a gateway document the one in force, whole or not at all',
  help: `Usage: npm run gateway -- apply FILE [options]

Checks FILE as \`check\` does, compares it with the document in force, and applies it if nobody else has
applied one meanwhile. The entries of address list files are sent with it.

  --dry-run         tell what would change, and whether it could be; change nothing
  --comment TEXT    why; kept with the revision and in the audit log
  --force           apply it although its address rules refuse the address that it is applied from
${adminHelp}`,
  async run(args) {
    const options = {
      ...adminOptions,
      'dry-run': { type: 'boolean' },
      comment: { type: 'string' },
      force: { type: 'boolean' },
    } as const;
    const { values, arguments: named } = parseArguments(args, options, ['FILE']);
    const loaded = await loadNamedDocument(named.FILE, process.env);
    if (!loaded.ok) return { text: formatFaults(loaded.faults), exitCode: 1 };
    const client = await AdminClient.find(values, process.env);
    const diff = await client.call('POST', '/admin/v1/document/diff', { body: loaded.input });
    const dryRun = values['dry-run'] === true;
    const answer = await client.call('PUT', '/admin/v1/document', {
      body: loaded.input,
      headers: { 'if-match': diff.etag },
      query: {
        dry_run: dryRun ? 'true' : undefined,
        force: values.force === true ? 'true' : undefined,
        comment: values.comment,
      },
      expect: [412],
    });
    if (answer.status === 412)
      throw new CommandError(
        'somebody else has applied a document meanwhile: look at the diff, and apply again',
      );
    if (values.json === true) return `${answer.text}\n`;
    const applied = answer.json as AppliedAnswer;
    return dryRun ? formatDryRun(applied) : formatApplied(applied);
  },
};

export function formatApplied({ revision, changed, changes, total, warnings }: AppliedAnswer): string {
  if (!changed) return `nothing to change: this is revision ${revision} already\n`;
  return `${listed(changes, total)}${formatWarnings(warnings)}revision ${revision} is in force\n`;
}

function formatDryRun({ revision, changes, total, warnings }: AppliedAnswer): string {
  if (total === 0) return `nothing to change: this is revision ${revision} already\n`;
  return `${listed(changes, total)}${formatWarnings(warnings)}${total === 1 ? '1 change' : `${total} changes`} to revision ${revision}; nothing was applied\n`;
}

function listed(changes: readonly DocumentChange[], total: number): string {
  const more = total - changes.length;
  return `${formatChanges(changes)}${more > 0 ? `… and ${more} more\n` : ''}`;
}
