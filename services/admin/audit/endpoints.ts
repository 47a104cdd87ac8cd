import { endpoint, z, type Endpoint } from '@sluice/service';
import type { Bus } from '@sluice/nats';
import { reads, subjectOf, type Handlers } from '../endpoint.ts';
import { json } from '../http/answer.ts';
import { listOf, numberCursor, pageQuery } from '../http/page.ts';
import { milliseconds, moment } from '../http/time.ts';
import { readAudit } from './reader.ts';

const who = z.object({
  subject: z.string(),
  kind: z.string().meta({ description: 'Credential method; `start` for what the service does by itself.' }),
  consumer: z.string().nullable(),
  key: z.string().nullable().meta({ description: 'Id of the API key.' }),
  client: z.string().meta({ description: 'Address of the client.' }),
});

const recordShape = z.object({
  id: z.string(),
  at: milliseconds('When the change was tried'),
  who,
  action: z.string().meta({ examples: ['document.apply', 'key.create', 'consumer.delete'] }),
  target: z.string().meta({ examples: ['document', 'consumer/shop', 'key/4fTq81ZbXy0P'] }),
  before: z.unknown().meta({ description: 'What was there; null where nothing was. Secrets are left out.' }),
  after: z.unknown().meta({ description: 'What was to be there afterwards; null where nothing was.' }),
  comment: z.string().nullable(),
  request_id: z.string(),
  outcome: z.enum(['made', 'refused', 'unknown']).meta({
    description:
      '`refused`: somebody else was faster, nothing changed. `unknown`: nobody was left to write down what became of it.',
  }),
  revision: z.int().nullable().meta({ description: 'Revision that the change made.' }),
});

const query = z.object({
  ...pageQuery,
  action: z
    .string()
    .regex(/^[a-z]{1,32}(?:\.[a-z]{1,32})?$/, 'must be an action such as key.create, or its first part')
    .optional()
    .meta({ description: 'One kind of change, `key.create`, or all of a part, `key`.' }),
  target: z.string().max(800).optional().meta({
    description: 'What was changed, `consumer/shop`; with a slash at the end everything below, `consumer/`.',
  }),
  who: z
    .string()
    .max(512)
    .optional()
    .meta({ description: 'Subject, consumer or key id of who made the change.' }),
  from: moment('Begin of the time, inclusive.').optional(),
  to: moment('End of the time, exclusive.').optional(),
});

/** The audit log, for people. */
export function auditEndpoints(options: { bus: Bus; handlers: Handlers }): Record<string, Endpoint> {
  const { bus, handlers } = options;
  return {
    'audit-list': endpoint({
      ...reads,
      tags: ['Audit'],
      subject: subjectOf('audit-list'),
      route: 'GET /admin/v1/audit',
      summary: 'Who changed what, newest first',
      description:
        'Every change that was tried through the control API. A page may hold fewer entries than asked for, or none, and still have a next one: rare things are looked for a part at a time.',
      query,
      response: listOf(recordShape),
      handler: ({ request, query }) =>
        handlers.as('viewer', 'audit-list', request, async () => {
          const { action, target, who, from, to, limit, cursor } = query;
          const before = cursor === undefined ? undefined : numberCursor(cursor, 0);
          const page = await readAudit(bus, { action, target, who, from, to, limit, before });
          return json({ data: page.records, next: page.next === null ? null : String(page.next) });
        }),
    }),
  };
}
