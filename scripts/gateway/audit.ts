import { AdminClient, adminHelp, adminOptions } from './admin-client.ts';
import { readMoment, shortTime } from './arguments.ts';
import { formatColumns } from './columns.ts';
import { CommandError, parseArguments, type Command } from './command.ts';

interface AuditRow {
  readonly at: number;
  readonly who: { readonly subject: string; readonly kind: string; readonly key: string | null };
  readonly action: string;
  readonly target: string;
  readonly outcome: string;
  readonly comment: string | null;
  readonly after: unknown;
}

const defaultRows = 20;

export const auditCommand: Command = {
  name: 'audit',
  summary: 'lists who changed what, newest first',
  help: `Usage: npm run gateway -- audit [options]

  --action NAME     one kind of change, like key.create, or a group of them, like key
  --target NAME     one thing, like consumer/shop, or with a slash at the end all of a kind, like consumer/
  --who NAME        subject, consumer or key id of who made the change
  --from, --to TIME like 7d (ago) or 2027-01-31T00:00:00Z
  --limit N         most entries (default ${defaultRows})

--json shows what was there before and after.

${adminHelp}`,
  async run(args) {
    const text = { type: 'string' } as const;
    const options = {
      ...adminOptions,
      action: text,
      target: text,
      who: text,
      from: text,
      to: text,
      limit: text,
    } as const;
    const { values } = parseArguments(args, options, []);
    const limit = Number(values.limit ?? defaultRows);
    if (!Number.isInteger(limit) || limit < 1)
      throw new CommandError(`--limit ${values.limit}: a number from 1 on`, 2);
    const client = await AdminClient.find(values, process.env);
    const found: AuditRow[] = [];
    let cursor: string | undefined;
    do {
      const query = {
        action: values.action,
        target: values.target,
        who: values.who,
        from: past('--from', values.from),
        to: past('--to', values.to),
        limit: String(Math.min(limit - found.length, 500)),
        cursor,
      };
      const answer = await client.call('GET', '/admin/v1/audit', { query });
      const page = answer.json as { data: AuditRow[]; next: string | null };
      found.push(...page.data);
      cursor = page.next ?? undefined;
    } while (cursor !== undefined && found.length < limit);
    return values.json === true ? `${JSON.stringify(found, null, 2)}\n` : formatAudit(found);
  },
};

function formatAudit(entries: readonly AuditRow[]): string {
  const rows = entries.map(({ at, who, action, target, outcome, comment, after }) => [
    shortTime(at),
    who.key === null ? `${who.subject} (${who.kind})` : `${who.subject} (key ${who.key})`,
    action,
    target,
    outcome,
    comment ?? reasonIn(after),
  ]);
  return formatColumns(['WHEN', 'WHO', 'ACTION', 'TARGET', 'OUTCOME', 'COMMENT'], rows);
}

/** A revocation says why in itself. */
function reasonIn(after: unknown): string {
  const { reason } = (after ?? {}) as { reason?: unknown };
  return typeof reason === 'string' ? reason : '';
}

/** A span counts back from now. */
function past(option: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const now = Date.now();
  const at = readMoment(option, text, now);
  return String(/^\d+[smhd]$/.test(text) ? 2 * now - at : at);
}
