import { z } from '@sluice/config';

/** What the limits of an edge are set by; `config.ts` spreads it into the process's own settings. */
export const limitSettings = {
  limitKeys: z.coerce.number().int().min(100).default(100_000).meta({
    env: 'SLUICE_EDGE_LIMIT_KEYS',
    description:
      'Keys of limits and quotas that are remembered, about 0.5 KB each. A forgotten one costs a round trip.',
  }),
  limitTimeoutMs: z.coerce.number().int().min(10).max(60_000).default(250).meta({
    env: 'SLUICE_EDGE_LIMIT_TIMEOUT',
    description:
      'Time that a ratelimit worker has to grant a lease, milliseconds; a second one is asked after half of it. Then `on_failure` of the policy applies.',
  }),
};

export type LimitSettings = Readonly<z.infer<z.ZodObject<typeof limitSettings>>>;
