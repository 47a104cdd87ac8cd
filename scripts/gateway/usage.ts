import { AdminClient, adminHelp, adminOptions } from './admin-client.ts';
import { expectWords, parseWords, shortTime } from './arguments.ts';
import { formatColumns } from './columns.ts';
import type { Command } from './command.ts';

interface UsageAnswer {
  readonly consumer: string;
  readonly quotas: readonly {
    readonly quota: string;
    readonly period: string;
    readonly end: number;
    readonly limit: number;
    readonly used: number;
    readonly remaining: number;
  }[];
}

interface StatusAnswer {
  readonly document: {
    readonly followed: number;
    readonly stored: number;
    readonly file: { readonly name: string; readonly revision: number } | null;
  };
  readonly nats: { readonly version: string };
  readonly instances: readonly {
    readonly name: string;
    readonly id: string;
    readonly version: string;
    readonly started: string;
    readonly requests: number;
    readonly errors: number;
    readonly document: number | null;
  }[];
}

export const usageCommand: Command = {
  name: 'usage',
  summary: 'shows what a consumer has used of its quotas, or what the key’s own one has',
  help: `Usage: npm run gateway -- usage [CONSUMER] [options]\n\n${adminHelp}`,
  async run(args) {
    const { values, words } = parseWords(args, adminOptions);
    expectWords(words, 0, 1, 'usage [CONSUMER]');
    const client = await AdminClient.find(values, process.env);
    const [consumer] = words;
    const target =
      consumer === undefined ? '/v1/usage' : `/admin/v1/consumers/${encodeURIComponent(consumer)}/usage`;
    const answer = await client.call('GET', target);
    if (values.json === true) return `${answer.text}\n`;
    const usage = answer.json as UsageAnswer;
    if (usage.quotas.length === 0) return `consumer ${usage.consumer} has no quotas\n`;
    const rows = usage.quotas.map(({ quota, period, used, limit, remaining, end }) => [
      quota,
      period,
      String(used),
      String(limit),
      String(remaining),
      shortTime(end),
    ]);
    return formatColumns(['QUOTA', 'PERIOD', 'USED', 'LIMIT', 'REMAINING', 'ANEW'], rows);
  },
};

export const statusCommand: Command = {
  name: 'status',
  summary: 'shows what runs, and which revision of the document each follows',
  help: `Usage: npm run gateway -- status [options]\n\n${adminHelp}`,
  async run(args) {
    const { values, words } = parseWords(args, adminOptions);
    expectWords(words, 0, 0, 'status');
    const client = await AdminClient.find(values, process.env);
    const answer = await client.call('GET', '/admin/v1/status');
    if (values.json === true) return `${answer.text}\n`;
    const { document, nats, instances } = answer.json as StatusAnswer;
    const rows = instances.map(({ name, id, version, started, requests, errors, document }) => [
      name,
      version,
      id,
      started,
      String(requests),
      String(errors),
      document === null ? '-' : String(document),
    ]);
    const titles = ['SERVICE', 'VERSION', 'INSTANCE', 'STARTED', 'REQUESTS', 'ERRORS', 'DOCUMENT'];
    const following = instances.filter((each) => each.document !== null);
    const behind = following.filter((each) => each.document !== document.stored);
    const followed = `followed by ${following.length - behind.length} of ${following.length} that follow it`;
    return `${formatColumns(titles, rows)}\ndocument: revision ${document.stored}, ${followed}\n${fileLine(document)}NATS: ${nats.version}\n`;
  },
};

function fileLine({ stored, file }: StatusAnswer['document']): string {
  if (!file) return '';
  const now = file.revision === stored ? '' : '; another document was applied since';
  return `file: ${file.name}, loaded by routers as revision ${file.revision}${now}; its next change is applied\n`;
}
