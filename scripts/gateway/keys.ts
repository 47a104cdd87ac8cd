import { makeApiKey } from '@sluice/policy';
import { AdminClient, adminHelp, adminOptions } from './admin-client.ts';
import { expectWords, parseWords, readMoment, shortTime } from './arguments.ts';
import { formatColumns } from './columns.ts';
import { CommandError, type Command } from './command.ts';

interface KeyRow {
  readonly id: string;
  readonly name: string;
  readonly consumer: string;
  readonly created: number;
  readonly expires: number | null;
  readonly disabled: boolean;
  readonly last_used: number | null;
}

const options = {
  ...adminOptions,
  name: { type: 'string' },
  expires: { type: 'string' },
  'old-expires': { type: 'string' },
} as const;

type Values = ReturnType<typeof parseWords<typeof options>>['values'];
type Verb = (client: AdminClient, word: string, values: Values) => Promise<string>;

export const keysCommand: Command = {
  name: 'keys',
  summary: 'makes, lists, disables and deletes API keys',
  help: `Usage: npm run gateway -- keys list CONSUMER
       npm run gateway -- keys create CONSUMER [--name TEXT] [--expires 90d]
       npm run gateway -- keys rotate KEY [--old-expires 7d]    a second key; the old one ends then, or stays
       npm run gateway -- keys disable|enable|delete KEY
       npm run gateway -- keys make                             the text of a key, for SLUICE_ADMIN_KEY

A key is shown once, alone on standard output. KEY is its id: the twelve characters after slk_.
Times are like 12h, 30d or 2027-01-31T00:00:00Z.

${adminHelp}`,
  async run(args) {
    const { values, words } = parseWords(args, options);
    const [verb, word] = words;
    if (verb === 'make') {
      expectWords(words, 1, 1, 'keys make');
      return `${makeApiKey().text}\n`;
    }
    if (verb === undefined || !Object.hasOwn(verbs, verb))
      throw new CommandError(
        verb === undefined
          ? 'keys needs to know what to do; --help tells what it can'
          : `keys knows no "${verb}"; --help tells what it knows`,
        2,
      );
    expectWords(words, 2, 2, `keys ${verb} ${verb === 'list' || verb === 'create' ? 'CONSUMER' : 'KEY'}`);
    const client = await AdminClient.find(values, process.env);
    return (verbs[verb] as Verb)(client, word as string, values);
  },
};

const verbs: Readonly<Record<string, Verb>> = {
  list: async (client, consumer, values) => {
    const target = `/admin/v1/consumers/${encodeURIComponent(consumer)}/keys`;
    const all: KeyRow[] = [];
    let cursor: string | undefined;
    do {
      const answer = await client.call('GET', target, { query: { limit: '500', cursor } });
      const page = answer.json as { data: KeyRow[]; next: string | null };
      all.push(...page.data);
      cursor = page.next ?? undefined;
    } while (cursor !== undefined);
    return values.json === true ? `${JSON.stringify(all, null, 2)}\n` : formatKeys(all);
  },
  create: async (client, consumer, { name, expires, json }) => {
    const answer = await client.call('POST', `/admin/v1/consumers/${encodeURIComponent(consumer)}/keys`, {
      body: {
        ...(name === undefined ? {} : { name }),
        ...(expires === undefined ? {} : { expires: readMoment('--expires', expires) }),
      },
    });
    return json === true ? `${answer.text}\n` : shownOnce(answer.json as KeyRow & { key: string });
  },
  rotate: async (client, id, { name, expires, 'old-expires': oldExpires, json }) => {
    const { etag } = await client.call('GET', place(id));
    const answer = await client.call('POST', `${place(id)}/rotate`, {
      headers: { 'if-match': etag },
      body: {
        ...(name === undefined ? {} : { name }),
        ...(expires === undefined ? {} : { expires: readMoment('--expires', expires) }),
        ...(oldExpires === undefined ? {} : { old_expires: readMoment('--old-expires', oldExpires) }),
      },
    });
    return json === true ? `${answer.text}\n` : shownOnce(answer.json as KeyRow & { key: string });
  },
  disable: (client, id, values) => change(client, id, values, true),
  enable: (client, id, values) => change(client, id, values, false),
  delete: async (client, id) => {
    const { etag } = await client.call('GET', place(id));
    await client.call('DELETE', place(id), { headers: { 'if-match': etag } });
    return `key ${id} is deleted\n`;
  },
};

/** In an emergency the state that somebody else left it in does not matter: `*`. */
async function change(client: AdminClient, id: string, values: Values, disabled: boolean): Promise<string> {
  const answer = await client.call('PATCH', place(id), { body: { disabled }, headers: { 'if-match': '*' } });
  return values.json === true ? `${answer.text}\n` : `key ${id} is ${disabled ? 'disabled' : 'enabled'}\n`;
}

/** The key alone goes where it can be piped from; the rest is for the person. */
function shownOnce({ key, id, consumer, expires }: KeyRow & { key: string }): string {
  const end = expires === null ? '' : `, good until ${shortTime(expires)}`;
  process.stderr.write(`key ${id} of consumer ${consumer}${end}; it is shown this once:\n`);
  return `${key}\n`;
}

function formatKeys(keys: readonly KeyRow[]): string {
  const now = Date.now();
  const rows = keys.map(({ id, name, created, expires, disabled, last_used }) => [
    id,
    name,
    disabled ? 'disabled' : expires !== null && expires <= now ? 'ended' : 'good',
    shortTime(created),
    shortTime(expires),
    shortTime(last_used),
  ]);
  return formatColumns(['KEY', 'NAME', 'STATE', 'CREATED', 'EXPIRES', 'LAST USED'], rows);
}

function place(id: string): string {
  // A whole key instead of its id would end up in logs as part of the path.
  if (!/^[0-9A-Za-z]{12}$/.test(id))
    throw new CommandError('KEY is the id of a key: the twelve letters and digits after slk_', 2);
  return `/admin/v1/keys/${id}`;
}
