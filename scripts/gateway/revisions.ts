import { writeFile } from 'node:fs/promises';
import { AdminClient, adminHelp, adminOptions } from './admin-client.ts';
import { formatApplied, type AppliedAnswer } from './apply.ts';
import { expectWords, parseWords, shortTime } from './arguments.ts';
import { formatColumns } from './columns.ts';
import { CommandError, parseArguments, type Command } from './command.ts';
import { userPath } from './user-path.ts';

interface RevisionRow {
  readonly revision: number;
  readonly author: string;
  readonly at: number;
  readonly comment: string | null;
  readonly current: boolean;
}

export const exportCommand: Command = {
  name: 'export',
  summary: 'prints the gateway document in force, or an earlier one',
  help: `Usage: npm run gateway -- export [options]

Prints the document as YAML.

  --revision N      an earlier one
  --output FILE     into a file
${adminHelp}`,
  async run(args) {
    const options = { ...adminOptions, revision: { type: 'string' }, output: { type: 'string' } } as const;
    const { values } = parseArguments(args, options, []);
    const client = await AdminClient.find(values, process.env);
    const target = values.revision === undefined ? 'document' : `revisions/${revisionFrom(values.revision)}`;
    const accept = values.json === true ? 'application/json' : 'application/yaml';
    const { text } = await client.call('GET', `/admin/v1/${target}`, { headers: { accept } });
    const whole = text.endsWith('\n') ? text : `${text}\n`;
    if (values.output === undefined) return whole;
    const file = userPath(values.output);
    await writeFile(file, whole).catch((error: Error) => {
      throw new CommandError(`${values.output} cannot be written: ${error.message}`);
    });
    return '';
  },
};

export const revisionsCommand: Command = {
  name: 'revisions',
  summary: 'lists the documents that can be gone back to, newest first',
  help: `Usage: npm run gateway -- revisions [options]\n\n${adminHelp}`,
  async run(args) {
    const { values } = parseArguments(args, adminOptions, []);
    const client = await AdminClient.find(values, process.env);
    const answer = await client.call('GET', '/admin/v1/revisions');
    if (values.json === true) return `${answer.text}\n`;
    const rows = (answer.json as { data: RevisionRow[] }).data.map(
      ({ revision, at, author, comment, current }) => [
        `${revision}${current ? ' *' : ''}`,
        shortTime(at),
        author,
        comment ?? '',
      ],
    );
    return rows.length === 0
      ? 'nothing was ever applied\n'
      : formatColumns(['REVISION', 'APPLIED', 'BY', 'COMMENT'], rows);
  },
};

export const rollbackCommand: Command = {
  name: 'rollback',
  summary: 'applies an earlier document again, the one before when none is named',
  help: `Usage: npm run gateway -- rollback [REVISION] [options]

  --comment TEXT    why; kept with the revision and in the audit log
  --force           apply it although its address rules refuse the address that it is applied from
${adminHelp}`,
  async run(args) {
    const { values, words } = parseWords(args, {
      ...adminOptions,
      comment: { type: 'string' },
      force: { type: 'boolean' },
    });
    expectWords(words, 0, 1, 'rollback [REVISION]');
    const client = await AdminClient.find(values, process.env);
    const { data } = (await client.call('GET', '/admin/v1/revisions')).json as { data: RevisionRow[] };
    const current = data.find((row) => row.current);
    if (!current) throw new CommandError('nothing was ever applied: there is nothing to go back to');
    const revision = words[0] === undefined ? before(data, current) : revisionFrom(words[0]);
    const answer = await client.call('POST', `/admin/v1/revisions/${revision}/rollback`, {
      headers: { 'if-match': `"${current.revision}"` },
      query: { force: values.force === true ? 'true' : undefined, comment: values.comment },
      expect: [412],
    });
    if (answer.status === 412)
      throw new CommandError(
        'somebody else has applied a document meanwhile: look at the revisions, and try again',
      );
    return values.json === true ? `${answer.text}\n` : formatApplied(answer.json as AppliedAnswer);
  },
};

function before(data: readonly RevisionRow[], current: RevisionRow): number {
  const earlier = data.find((row) => row.revision < current.revision);
  if (!earlier) throw new CommandError(`revision ${current.revision} is the first one that is kept`);
  return earlier.revision;
}

function revisionFrom(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new CommandError(`"${text}" is not the number of a revision`, 2);
  return Number(text);
}
