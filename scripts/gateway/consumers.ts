import { AdminClient, adminHelp, adminOptions } from './admin-client.ts';
import { expectWords, parseWords } from './arguments.ts';
import { formatColumns } from './columns.ts';
import { CommandError, type Command } from './command.ts';

interface ConsumerRow {
  readonly id: string;
  readonly description?: string;
  readonly tenant?: string;
  readonly roles: readonly string[];
  readonly scopes: readonly string[];
  readonly limits: readonly string[];
  readonly quotas: readonly string[];
  readonly disabled: boolean;
  readonly origin: string;
  readonly revision: number | null;
}

const list = { type: 'string', multiple: true } as const;
const options = {
  ...adminOptions,
  description: { type: 'string' },
  tenant: { type: 'string' },
  role: list,
  scope: list,
  limit: list,
  quota: list,
} as const;

type Values = ReturnType<typeof parseWords<typeof options>>['values'];

export const consumersCommand: Command = {
  name: 'consumers',
  summary: 'lists, makes and changes API clients',
  help: `Usage: npm run gateway -- consumers [list]
       npm run gateway -- consumers show ID
       npm run gateway -- consumers create ID [--role R]… [--scope S]… [--limit L]… [--quota Q]…
       npm run gateway -- consumers update ID …        what is named replaces what was there
       npm run gateway -- consumers disable|enable ID
       npm run gateway -- consumers delete ID          with all its keys

  --description TEXT, --tenant NAME
${adminHelp}`,
  async run(args) {
    const { values, words } = parseWords(args, options);
    const [verb = 'list', id] = words;
    const client = await AdminClient.find(values, process.env);
    if (verb === 'list') {
      expectWords(words, 0, 1, 'consumers list');
      return listConsumers(client, values);
    }
    if (!(verb in verbs))
      throw new CommandError(`consumers knows no "${verb}"; --help tells what it knows`, 2);
    expectWords(words, 2, 2, `consumers ${verb} ID`);
    const text = await (verbs[verb] as Verb)(client, id as string, values);
    return text;
  },
};

type Verb = (client: AdminClient, id: string, values: Values) => Promise<string>;

const verbs: Readonly<Record<string, Verb>> = {
  show: async (client, id) => {
    const { text } = await client.call('GET', place(id));
    return `${JSON.stringify(JSON.parse(text), null, 2)}\n`;
  },
  create: async (client, id, values) => {
    const body = { id, ...members(values) };
    const answer = await client.call('POST', '/admin/v1/consumers', { body });
    return values.json === true
      ? `${answer.text}\n`
      : `consumer ${id} is made; keys create ${id} makes a key for it\n`;
  },
  update: (client, id, values) => replace(client, id, values, members(values), 'changed'),
  disable: (client, id, values) => replace(client, id, values, { disabled: true }, 'disabled'),
  enable: (client, id, values) => replace(client, id, values, { disabled: false }, 'enabled'),
  delete: async (client, id) => {
    const { etag } = await client.call('GET', place(id));
    await client.call('DELETE', place(id), { headers: ifMatch(etag, id) });
    return `consumer ${id} is deleted, with its keys\n`;
  },
};

async function listConsumers(client: AdminClient, values: Values): Promise<string> {
  const all: ConsumerRow[] = [];
  let cursor: string | undefined;
  do {
    const answer = await client.call('GET', '/admin/v1/consumers', { query: { limit: '500', cursor } });
    const page = answer.json as { data: ConsumerRow[]; next: string | null };
    all.push(...page.data);
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
  if (values.json === true) return `${JSON.stringify(all, null, 2)}\n`;
  const rows = all.map(({ id, origin, disabled, roles, limits, quotas }) => [
    id,
    origin,
    disabled ? 'disabled' : '',
    roles.join(','),
    [...limits, ...quotas].join(','),
  ]);
  return formatColumns(['CONSUMER', 'ORIGIN', 'STATE', 'ROLES', 'LIMITS'], rows);
}

async function replace(
  client: AdminClient,
  id: string,
  values: Values,
  changed: object,
  word: string,
): Promise<string> {
  const { etag, json } = await client.call('GET', place(id));
  const { id: _id, origin: _origin, revision: _revision, ...present } = json as ConsumerRow;
  const answer = await client.call('PUT', place(id), {
    body: { ...present, ...changed },
    headers: ifMatch(etag, id),
  });
  return values.json === true ? `${answer.text}\n` : `consumer ${id} is ${word}\n`;
}

function members({ description, tenant, role, scope, limit, quota }: Values): object {
  const given = { description, tenant, roles: role, scopes: scope, limits: limit, quotas: quota };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

const place = (id: string): string => `/admin/v1/consumers/${encodeURIComponent(id)}`;

/** Consumers of the document have no tag of their own: the answer to a change says so best. */
function ifMatch(etag: string, id: string): Record<string, string> {
  if (etag === '') throw new CommandError(`consumer ${id} is part of the gateway document: change it there`);
  return { 'if-match': etag };
}
