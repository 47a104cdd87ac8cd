import { documentChanges } from '@sluice/policy';
import { AdminClient, adminHelp, adminOptions } from './admin-client.ts';
import { countChanges, formatChanges, formatWarnings, type ChangeWarning } from './changes.ts';
import { formatFaults } from './check.ts';
import { CommandError, parseArguments, type Command } from './command.ts';
import { loadNamedDocument } from './document-file.ts';

export const diffCommand: Command = {
  name: 'diff',
  summary: 'tells what a gateway document would change about the one in force',
  help: `Usage: npm run gateway -- diff FILE [options]

Compares FILE with the document in force, member by member: what would be added (+), changed (~) and
removed (-). Routes and consumers are compared by id, so their order does not count. A running gateway
warns of routes that services announce and that would leave its table. Changes nothing.

  --against FILE    compare with another file instead; needs no gateway
${adminHelp}`,
  async run(args) {
    const options = { ...adminOptions, against: { type: 'string' } } as const;
    const { values, arguments: named } = parseArguments(args, options, ['FILE']);
    const loaded = await loadNamedDocument(named.FILE, process.env);
    if (!loaded.ok) return { text: formatFaults(loaded.faults), exitCode: 1 };
    const { present, warnings } =
      values.against === undefined
        ? await documentInForce(values, loaded.input)
        : { present: await documentOf(values.against), warnings: [] };
    const changes = documentChanges(present, loaded.input);
    if (values.json === true) return `${JSON.stringify({ changes, warnings }, null, 2)}\n`;
    if (changes.length === 0) return 'no difference\n';
    return `${formatChanges(changes)}${formatWarnings(warnings)}\n${countChanges(changes)}\n`;
  },
};

/** The document in force, and what a running gateway says of another in its place: only it knows what services announce. */
async function documentInForce(
  values: Parameters<typeof AdminClient.find>[0],
  input: unknown,
): Promise<{ present: unknown; warnings: readonly ChangeWarning[] }> {
  const client = await AdminClient.find(values, process.env);
  const headers = { accept: 'application/json' };
  const present = (await client.call('GET', '/admin/v1/document', { headers })).json;
  const diff = await client.call('POST', '/admin/v1/document/diff', { body: input });
  return { present, warnings: (diff.json as { warnings: readonly ChangeWarning[] }).warnings };
}

async function documentOf(file: string): Promise<unknown> {
  const other = await loadNamedDocument(file, process.env);
  if (!other.ok) throw new CommandError(`${file} is not valid:\n${formatFaults(other.faults).trimEnd()}`);
  return other.input;
}
