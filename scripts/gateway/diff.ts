import { documentChanges } from '@sluice/policy';
import { AdminClient, adminHelp, adminOptions } from './admin-client.ts';
import { countChanges, formatChanges } from './changes.ts';
import { formatFaults } from './check.ts';
import { CommandError, parseArguments, type Command } from './command.ts';
import { loadNamedDocument } from './document-file.ts';

export const diffCommand: Command = {
  name: 'diff',
  summary: 'tells what a gateway document would change about the one in force',
  help: `Usage: npm run gateway -- diff FILE [options]

Compares FILE with the document in force, member by member: what would be added (+), changed (~) and
removed (-). Routes and consumers are compared by id, so their order does not count. Changes nothing.

  --against FILE    compare with another file instead; needs no gateway
${adminHelp}`,
  async run(args) {
    const options = { ...adminOptions, against: { type: 'string' } } as const;
    const { values, arguments: named } = parseArguments(args, options, ['FILE']);
    const loaded = await loadNamedDocument(named.FILE, process.env);
    if (!loaded.ok) return { text: formatFaults(loaded.faults), exitCode: 1 };
    const present =
      values.against === undefined ? await documentInForce(values) : await documentOf(values.against);
    const changes = documentChanges(present, loaded.input);
    if (values.json === true) return `${JSON.stringify({ changes }, null, 2)}\n`;
    if (changes.length === 0) return 'no difference\n';
    return `${formatChanges(changes)}\n${countChanges(changes)}\n`;
  },
};

async function documentInForce(values: Parameters<typeof AdminClient.find>[0]): Promise<unknown> {
  const client = await AdminClient.find(values, process.env);
  return (await client.call('GET', '/admin/v1/document', { headers: { accept: 'application/json' } })).json;
}

async function documentOf(file: string): Promise<unknown> {
  const other = await loadNamedDocument(file, process.env);
  if (!other.ok) throw new CommandError(`${file} is not valid:\n${formatFaults(other.faults).trimEnd()}`);
  return other.input;
}
