import { createHash } from 'node:crypto';

/**
 * Ids of server-sent events: `<epoch>.<check>.<sequence>-<sequence>…`, one sequence in base 36 for each name that the
 * stream follows, in the order of its URL. The check tells an id of other names, whose sequences would mean nothing.
 * So a client that reconnects with `Last-Event-ID` gets exactly what it missed on every channel.
 */
export interface EventId {
  readonly epoch: string;
  readonly sequences: readonly number[];
}

const idPattern = /^([0-9a-z]{1,16})\.([0-9a-z]{1,12})\.([0-9a-z]{1,11}(?:-[0-9a-z]{1,11})*)$/;

/** The part in front of the sequences. */
export function eventIdPrefix(epoch: string, names: readonly string[]): string {
  return `${epoch}.${checkOf(names)}.`;
}

export function formatEventId(prefix: string, sequences: readonly number[]): string {
  return prefix + sequences.map((seq) => seq.toString(36)).join('-');
}

/** Undefined for an id that is not one, or not of these names. */
export function parseEventId(text: string, names: readonly string[]): EventId | undefined {
  const match = idPattern.exec(text);
  if (!match) return undefined;
  const [, epoch, check, sequences] = match as unknown as [string, string, string, string];
  const numbers = sequences.split('-').map((seq) => Number.parseInt(seq, 36));
  if (check !== checkOf(names) || numbers.length !== names.length) return undefined;
  return numbers.every(Number.isSafeInteger) ? { epoch, sequences: numbers } : undefined;
}

/** The id where a stream follows one name only; made for every event, so its front is remembered. */
export function eventIdOf(epoch: string, name: string, seq: number): string {
  let check = checks.get(name);
  if (check === undefined) {
    if (checks.size >= checksKept) checks.clear();
    checks.set(name, (check = checkOf([name])));
  }
  return `${epoch}.${check}.${seq.toString(36)}`;
}

const checks = new Map<string, string>();
const checksKept = 10_000;

function checkOf(names: readonly string[]): string {
  return createHash('sha256').update(names.join(' ')).digest().readUInt32BE(0).toString(36);
}
