import { readCurrent, type DocumentFollower } from '@sluice/policy';
import type { Bus } from '@sluice/nats';
import { endpoint, z, type Endpoint } from '@sluice/service';
import { reads, subjectOf, type Handlers } from '../endpoint.ts';
import { json } from '../http/answer.ts';
import { instancesOf } from './instances.ts';

const statusShape = z.object({
  document: z.object({
    followed: z.int().meta({ description: 'Revision that the instance which answers follows.' }),
    stored: z.int().meta({ description: 'Newest revision; 0: nothing was ever applied.' }),
    file: z
      .object({
        name: z.string(),
        revision: z.int().meta({ description: 'Revision that it was last applied as.' }),
      })
      .nullable()
      .meta({
        description:
          'The file that routers loaded the document from last, whatever was applied since; its next change is applied. Null: none.',
      }),
  }),
  nats: z.object({ version: z.string() }),
  instances: z
    .array(
      z.object({
        name: z.string(),
        id: z.string(),
        version: z.string(),
        started: z.string(),
        requests: z.int(),
        errors: z.int(),
        document: z.int().nullable().meta({
          description:
            'Revision of the document that it follows by its own word; null where it does not say.',
        }),
        metadata: z.record(z.string(), z.string()),
      }),
    )
    .meta({
      description: 'Every instance that answered `$SRV.STATS` within a second: workers and backends.',
    }),
});

export interface StatusOptions {
  readonly bus: Bus;
  readonly document: DocumentFollower;
  readonly handlers: Handlers;
}

/** What runs, and which document it follows. */
export function statusEndpoints(options: StatusOptions): Record<string, Endpoint> {
  const { bus, document, handlers } = options;
  return {
    status: endpoint({
      ...reads,
      tags: ['Status'],
      subject: subjectOf('status'),
      route: 'GET /admin/v1/status',
      summary: 'Instances, and the revision of the document that each follows',
      response: statusShape,
      handler: ({ request }) =>
        handlers.as('viewer', 'status', request, async () => {
          const [instances, stored] = await Promise.all([
            instancesOf(bus),
            readCurrent(bus).catch((error: unknown) => {
              if (error instanceof TypeError) return null;
              throw error;
            }),
          ]);
          const file = stored?.file ? { name: stored.file.name, revision: stored.file.revision } : null;
          return json({
            document: { followed: document.revision, stored: stored?.revision ?? 0, file },
            nats: { version: bus.serverVersion },
            instances,
          });
        }),
    }),
  };
}
