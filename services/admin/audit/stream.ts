import type { StreamSpec } from '@sluice/nats';

export const auditStream = 'AUDIT';

const dayMs = 86_400_000;

/** Nobody can take a message out of it again, and entries go by age alone, not before a year. */
export function auditStreamSpec(options: { replicas: number; days: number }): StreamSpec {
  return {
    name: auditStream,
    subjects: ['audit.>'],
    storage: 'file',
    replicas: options.replicas,
    // Zero is JetStream's "for ever".
    maxAgeMs: options.days * dayMs,
    appendOnly: true,
  };
}

/** Entries by action, so that one kind of change can be followed: `audit.entry.key.>`. */
export const entrySubject = (action: string, id: string): string => `audit.entry.${action}.${id}`;
export const entriesFilter = (action?: string): string =>
  action === undefined ? 'audit.entry.>' : `audit.entry.${action}.>`;
export const outcomeSubject = (id: string): string => `audit.outcome.${id}`;
