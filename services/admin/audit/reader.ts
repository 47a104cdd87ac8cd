import { lastMessages, readFrom, streamState, type Bus } from '@sluice/nats';
import type { AuditEntry, AuditOutcome } from './entry.ts';
import { auditStream, entriesFilter, outcomeSubject } from './stream.ts';

/** An entry with what became of it. */
export type AuditRecord = AuditEntry & Pick<AuditOutcome, 'outcome' | 'revision'>;

export interface AuditQuery {
  readonly action: string | undefined;
  /** A target, or with a slash at its end every target that begins so. */
  readonly target: string | undefined;
  /** Subject, consumer or key. */
  readonly who: string | undefined;
  /** Milliseconds, inclusive. */
  readonly from: number | undefined;
  /** Milliseconds, exclusive. */
  readonly to: number | undefined;
  readonly limit: number;
  /** Entries before this sequence only. */
  readonly before: number | undefined;
}

/** Messages that one page looks at; who filters for something rare goes on with the cursor. */
const mostLookedAt = 20_000;
const firstWindow = 256;
const longestWindow = 1_024;

interface Placed {
  readonly seq: number;
  readonly entry: AuditEntry;
}

/**
 * A page of the log, newest first. The stream is read in windows from its end towards its beginning, because JetStream
 * reads forward only. `next` is null when there is nothing older.
 */
export async function readAudit(
  bus: Bus,
  query: AuditQuery,
): Promise<{ records: AuditRecord[]; next: number | null }> {
  const { firstSeq, lastSeq } = await streamState(bus, auditStream);
  const found: Placed[] = [];
  let end = Math.min(query.before ?? lastSeq + 1, lastSeq + 1);
  let looked = 0;
  for (let size = firstWindow; end > firstSeq && found.length <= query.limit; ) {
    const start = Math.max(end - size, firstSeq);
    const window = await readWindow(bus, query, start, end);
    found.push(...window.toReversed());
    looked += end - start;
    end = start;
    if (looked >= mostLookedAt) break;
    size = Math.min(size * 2, longestWindow);
  }
  const page = found.slice(0, query.limit);
  const more = found.length > query.limit;
  const next = more ? (page.at(-1)?.seq ?? null) : end > firstSeq ? end : null;
  return { records: await withOutcomes(bus, page), next };
}

/** What fits the query among the sequences from `start` up to before `end`. */
async function readWindow(bus: Bus, query: AuditQuery, start: number, end: number): Promise<Placed[]> {
  const filter = entriesFilter(query.action);
  const messages = await readFrom(bus, auditStream, filter, start, { limit: end - start });
  return messages.flatMap(({ seq, data }) => {
    if (seq >= end) return [];
    const entry = JSON.parse(Buffer.from(data).toString('utf8')) as AuditEntry;
    return fits(entry, query) ? [{ seq, entry }] : [];
  });
}

function fits({ who, target, at }: AuditEntry, query: AuditQuery): boolean {
  if (query.who !== undefined && ![who.subject, who.consumer, who.key].includes(query.who)) return false;
  if (query.from !== undefined && at < query.from) return false;
  if (query.to !== undefined && at >= query.to) return false;
  if (query.target === undefined) return true;
  return query.target.endsWith('/') ? target.startsWith(query.target) : target === query.target;
}

async function withOutcomes(bus: Bus, page: readonly Placed[]): Promise<AuditRecord[]> {
  const messages = await lastMessages(
    bus,
    auditStream,
    page.map(({ entry }) => outcomeSubject(entry.id)),
  );
  const outcomes = new Map(
    messages.map(({ data }) => {
      const outcome = JSON.parse(Buffer.from(data).toString('utf8')) as AuditOutcome;
      return [outcome.id, outcome];
    }),
  );
  return page.map(({ entry }) => {
    const outcome = outcomes.get(entry.id);
    return { ...entry, outcome: outcome?.outcome ?? 'unknown', revision: outcome?.revision ?? null };
  });
}
