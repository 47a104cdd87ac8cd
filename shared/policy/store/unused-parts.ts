import { lastMessage, type Bucket, type Bus } from '@sluice/nats';
import { configBucket } from '@sluice/routes';
import { documentStream } from './bucket.ts';
import { history } from './revisions.ts';
import { decodeValue, partPrefix } from './value.ts';

/** Somebody may be between writing parts and naming them: young ones are left alone. */
const graceMs = 10 * 60_000;

const subjectPrefix = `$KV.${configBucket}.${partPrefix}`;

/** Deletes the parts of documents that no revision kept needs any more; without it every large change would stay for ever. */
export async function removeUnusedParts(bus: Bus, bucket: Bucket, now = Date.now()): Promise<void> {
  const names = await storedParts(bus);
  if (names.length === 0) return;
  const used = await usedParts(bus);
  for (const name of names) {
    if (used.has(name)) continue;
    const part = await lastMessage(bus, documentStream, subjectPrefix + name);
    if (part && part.data.length > 0 && now - part.timeMs >= graceMs)
      await bucket.delete(partPrefix + name, part.seq);
  }
}

/** Names alone: the parts themselves may be many megabytes. */
async function storedParts(bus: Bus): Promise<string[]> {
  const answer = await bus.request(
    `$JS.API.STREAM.INFO.${documentStream}`,
    JSON.stringify({ subjects_filter: `${subjectPrefix}*` }),
    { deadline: Date.now() + 5_000 },
  );
  const { state } = answer.json() as { state?: { subjects?: Record<string, number> } };
  return Object.keys(state?.subjects ?? {}).map((subject) => subject.slice(subjectPrefix.length));
}

async function usedParts(bus: Bus): Promise<Set<string>> {
  const used = new Set<string>();
  for (const message of await history(bus, 1)) {
    try {
      const value = decodeValue(message.data);
      if ('parts' in value) for (const name of value.parts) used.add(name);
    } catch {
      // A deletion, or something written by hand: it names no parts.
    }
  }
  return used;
}
