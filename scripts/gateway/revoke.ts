import { AdminClient, adminHelp, adminOptions } from './admin-client.ts';
import { expectWords, parseWords, readMoment, shortTime } from './arguments.ts';
import { formatColumns } from './columns.ts';
import { CommandError, parseArguments, type Command } from './command.ts';

interface RevocationRow {
  readonly id: string;
  readonly kind: string;
  readonly issuer: string;
  readonly value: string;
  readonly at: number;
  readonly until: number | null;
  readonly reason: string;
}

export const revokeCommand: Command = {
  name: 'revoke',
  summary: 'takes a token back before it ends, or every token of a subject',
  help: `Usage: npm run gateway -- revoke --issuer NAME --jti ID [--until 1d] [--reason TEXT]
       npm run gateway -- revoke --issuer NAME --subject SUBJECT …    tokens made before now
       npm run gateway -- revoke --lift ID                            takes a revocation back

--issuer is the name of an issuer, introspection or login in the gateway document. API keys are taken
back with \`keys disable\` and \`keys delete\`.

${adminHelp}`,
  async run(args) {
    const text = { type: 'string' } as const;
    const options = {
      ...adminOptions,
      issuer: text,
      jti: text,
      subject: text,
      until: text,
      reason: text,
      lift: text,
    } as const;
    const { values } = parseArguments(args, options, []);
    const { issuer, jti, subject, until, reason, lift } = values;
    if (lift === undefined && (issuer === undefined || (jti === undefined) === (subject === undefined)))
      throw new CommandError(
        'usage: npm run gateway -- revoke --issuer NAME (--jti ID | --subject SUBJECT)',
        2,
      );
    const client = await AdminClient.find(values, process.env);
    if (lift !== undefined) {
      const target = `/admin/v1/revocations/${encodeURIComponent(lift)}`;
      const { etag } = await client.call('GET', target);
      await client.call('DELETE', target, { headers: { 'if-match': etag } });
      return 'the revocation is lifted\n';
    }
    const answer = await client.call('POST', '/admin/v1/revocations', {
      body: {
        issuer,
        ...(jti === undefined ? { subject } : { jti }),
        ...(until === undefined ? {} : { until: readMoment('--until', until) }),
        ...(reason === undefined ? {} : { reason }),
      },
    });
    if (values.json === true) return `${answer.text}\n`;
    return jti === undefined
      ? `tokens of ${subject} from ${issuer} that were made before now are revoked\n`
      : `token ${jti} from ${issuer} is revoked\n`;
  },
};

export const revocationsCommand: Command = {
  name: 'revocations',
  summary: 'lists the revocations in force',
  help: `Usage: npm run gateway -- revocations [options]\n\n${adminHelp}`,
  async run(args) {
    const { values, words } = parseWords(args, adminOptions);
    expectWords(words, 0, 0, 'revocations');
    const client = await AdminClient.find(values, process.env);
    const all: RevocationRow[] = [];
    let cursor: string | undefined;
    do {
      const answer = await client.call('GET', '/admin/v1/revocations', { query: { limit: '500', cursor } });
      const page = answer.json as { data: RevocationRow[]; next: string | null };
      all.push(...page.data);
      cursor = page.next ?? undefined;
    } while (cursor !== undefined);
    if (values.json === true) return `${JSON.stringify(all, null, 2)}\n`;
    const rows = all.map(({ id, kind, issuer, value, at, until, reason }) => [
      kind,
      issuer,
      value,
      shortTime(at),
      shortTime(until),
      reason,
      id,
    ]);
    return formatColumns(['KIND', 'ISSUER', 'VALUE', 'REVOKED', 'UNTIL', 'REASON', 'ID'], rows);
  },
};
