import { readUsage } from '@sluice/limits';
import type { Bus } from '@sluice/nats';
import type { DocumentFollower } from '@sluice/policy';
import { endpoint, z, type Endpoint } from '@sluice/service';
import { consumerOf } from '../access.ts';
import type { ConsumerDirectory } from '../consumers/directory.ts';
import { consumerParams } from '../consumers/endpoints.ts';
import { own, reads, subjectOf, type Handlers } from '../endpoint.ts';
import { json } from '../http/answer.ts';
import { milliseconds } from '../http/time.ts';

const usageShape = z.object({
  consumer: z.string(),
  quotas: z.array(
    z.object({
      quota: z.string().meta({ description: 'Its name in the gateway document.' }),
      period: z.enum(['day', 'month']),
      start: milliseconds('Begin of the period'),
      end: milliseconds('Begin of the next one, when counting starts anew'),
      limit: z.int(),
      used: z
        .int()
        .meta({ description: 'Calls, or their cost; edges are a moment ahead of what they have let pass.' }),
      remaining: z.int(),
    }),
  ),
});

export interface UsageOptions {
  readonly bus: Bus;
  readonly directory: ConsumerDirectory;
  readonly document: DocumentFollower;
  readonly handlers: Handlers;
}

/** What consumers have used of their quotas, for operators and for consumers themselves. */
export function usageEndpoints(options: UsageOptions): Record<string, Endpoint> {
  const { bus, directory, document, handlers } = options;
  return {
    'usage-own': endpoint({
      ...own,
      tags: ['Usage'],
      subject: subjectOf('usage-own'),
      route: 'GET /v1/usage',
      summary: 'What you have used of your quotas',
      description: 'For any credentials that belong to a consumer; 403 for others.',
      response: usageShape,
      handler: ({ request }) => handlers.any('usage-own', async () => usageOf(consumerOf(request))),
    }),
    'usage-consumer': endpoint({
      ...reads,
      tags: ['Usage'],
      subject: subjectOf('usage-consumer'),
      route: 'GET /admin/v1/consumers/{consumer}/usage',
      summary: 'What a consumer has used of its quotas',
      params: consumerParams,
      response: usageShape,
      handler: ({ request, params }) =>
        handlers.as('viewer', 'usage-consumer', request, () => usageOf(params.consumer)),
    }),
  };

  async function usageOf(id: string) {
    const consumer = await directory.get(id);
    const quotas = await readUsage(bus, consumer, document.current);
    return json({
      consumer: id,
      quotas: quotas.map((usage) => ({ ...usage, remaining: Math.max(0, usage.limit - usage.used) })),
    });
  }
}
