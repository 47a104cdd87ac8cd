import type { Bus } from '@sluice/nats';
import { z } from '@sluice/service';

/** A running instance of a service, by its own word. */
export interface Instance {
  readonly name: string;
  readonly id: string;
  readonly version: string;
  /** RFC 3339, UTC. */
  readonly started: string;
  readonly requests: number;
  readonly errors: number;
  /** Revision of the gateway document that it follows; null where it does not say. */
  readonly document: number | null;
  readonly metadata: Readonly<Record<string, string>>;
}

/** How long answers are waited for: nobody knows how many there will be. */
const waitMs = 1_000;

/** Every ADR-32 service that answers, by name. Answers that are no statistics are left out. */
export async function instancesOf(bus: Bus): Promise<Instance[]> {
  const answers = await bus.requestMany('$SRV.STATS', '', { waitMs });
  return answers
    .flatMap((answer) => {
      try {
        const parsed = statsAnswer.safeParse(answer.json());
        return parsed.success ? [instance(parsed.data)] : [];
      } catch {
        return [];
      }
    })
    .toSorted((a, b) => (a.name + a.id < b.name + b.id ? -1 : 1));
}

const count = z.number().catch(0);

/** Other languages' libraries leave members out; what names an instance has to be there. */
const statsAnswer = z.object({
  name: z.string(),
  id: z.string(),
  version: z.string().catch(''),
  started: z.string().catch(''),
  metadata: z.record(z.string(), z.string()).catch({}),
  endpoints: z.array(z.object({ num_requests: count, num_errors: count })).catch([]),
  data: z.object({ document: z.int().min(0).nullable().catch(null) }).catch({ document: null }),
});

function instance({ endpoints, data, ...stats }: z.output<typeof statsAnswer>): Instance {
  const { name, id, version, started, metadata } = stats;
  return {
    name,
    id,
    version,
    started,
    requests: endpoints.reduce((sum, endpoint) => sum + endpoint.num_requests, 0),
    errors: endpoints.reduce((sum, endpoint) => sum + endpoint.num_errors, 0),
    document: data.document,
    metadata,
  };
}
