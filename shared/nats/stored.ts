import type { Bus, BusHeaders } from './bus.ts';
import { BusError } from './errors.ts';
import { parseApiAnswer } from './jetstream-api.ts';
import type { BusMessage } from './message.ts';
import { lastByConsumer } from './snapshot.ts';
import type { StoredMessage } from './stored-message.ts';

/** Acknowledgement of a stored message. `duplicate`: the stream already had this `msgId` and kept the first one. */
export interface StoredAck {
  readonly seq: number;
  readonly duplicate: boolean;
}

/** Answers of one batch question; the server ends a batch earlier when its own byte limit is reached. */
const batchLimit = 1_000;
const batchWaitMs = 10_000;

/** JetStream refuses `multi_last` that matches more subjects than this. */
const tooManyResults = 413;

/**
 * Publishes and resolves when the stream has stored the message. Many may be in flight at once.
 * Throws BusError: `no_responders` when no stream takes the subject, `timeout` when the outcome is unknown (the same
 * `msgId` may then be published again), `rejected` when the stream refuses it.
 */
export async function publishStored(
  bus: Bus,
  subject: string,
  payload: Uint8Array | string,
  options: { msgId?: string; deadline: number; headers?: BusHeaders },
): Promise<StoredAck> {
  const { deadline, msgId, headers = [] } = options;
  const answer = await bus.request(subject, payload, {
    deadline,
    headers: msgId === undefined ? headers : ['Nats-Msg-Id', msgId, ...headers],
  });
  const ack = parseApiAnswer(answer) as { seq: number; duplicate?: boolean };
  return { seq: ack.seq, duplicate: ack.duplicate === true };
}

/**
 * The newest message of every subject that matches, ascending by sequence. Subjects may hold wildcards; one that has no
 * message is simply absent. With `upTo` it is what the stream had at that sequence, as far as it still has it, and of at
 * most 1,000 subjects; more are `rejected`.
 */
export async function lastMessages(
  bus: Bus,
  stream: string,
  subjects: readonly string[],
  { upTo }: { upTo?: number } = {},
): Promise<StoredMessage[]> {
  if (subjects.length === 0) return [];
  const messages: StoredMessage[] = [];
  let more: Record<string, unknown> = upTo === undefined ? {} : { up_to_seq: upTo };
  for (;;) {
    const page = await batch(bus, stream, { multi_last: subjects, batch: batchLimit, ...more });
    if (page === 'too many') {
      if (upTo !== undefined) throw new BusError('rejected', 'too many subjects for what was newest once');
      return lastByConsumer(bus, stream, subjects);
    }
    messages.push(...page.messages);
    const last = page.messages.at(-1);
    if (page.pending === 0 || last === undefined) return messages;
    more = { seq: last.seq + 1, up_to_seq: page.upTo };
  }
}

/** Up to `limit` messages from sequence `fromSeq` on, ascending; fewer only when the stream has no more. */
export async function readFrom(
  bus: Bus,
  stream: string,
  subject: string,
  fromSeq: number,
  options: { limit: number },
): Promise<StoredMessage[]> {
  const messages: StoredMessage[] = [];
  let seq = Math.max(fromSeq, 1);
  while (messages.length < options.limit) {
    const size = Math.min(options.limit - messages.length, batchLimit);
    const page = await batch(bus, stream, { next_by_subj: subject, seq, batch: size });
    if (page === 'too many') break;
    messages.push(...page.messages);
    const last = page.messages.at(-1);
    if (page.pending === 0 || last === undefined) break;
    seq = last.seq + 1;
  }
  return messages;
}

/** One message by its exact subject, the newest; null when there is none. */
export async function lastMessage(bus: Bus, stream: string, subject: string): Promise<StoredMessage | null> {
  const answer = await bus.request(`$JS.API.DIRECT.GET.${stream}.${subject}`, '', {
    deadline: Date.now() + batchWaitMs,
  });
  if (answer.status === 404) return null;
  if (answer.status !== 0) throw refused(answer);
  return stored(answer);
}

interface Page {
  readonly messages: StoredMessage[];
  readonly pending: number;
  readonly upTo: number;
}

async function batch(bus: Bus, stream: string, query: Record<string, unknown>): Promise<Page | 'too many'> {
  const answers = await bus.requestMany(`$JS.API.DIRECT.GET.${stream}`, JSON.stringify(query), {
    waitMs: batchWaitMs,
    until: (answer) => answer.status !== 0,
  });
  const end = answers.pop();
  if (end?.status === tooManyResults) return 'too many';
  if (end !== undefined && end.status !== 204 && end.status !== 404) throw refused(end);
  return {
    messages: answers.map(stored),
    pending: Number(end?.header('Nats-Num-Pending') ?? 0),
    upTo: Number(end?.header('Nats-UpTo-Sequence') ?? 0),
  };
}

function refused(answer: BusMessage): BusError {
  return new BusError('rejected', answer.statusText || `status ${answer.status}`, { code: answer.status });
}

function stored(answer: BusMessage): StoredMessage {
  return {
    subject: answer.header('Nats-Subject') ?? '',
    seq: Number(answer.header('Nats-Sequence')),
    timeMs: Date.parse(answer.header('Nats-Time-Stamp') ?? ''),
    data: answer.data,
    header: (name) => answer.header(name),
  };
}
