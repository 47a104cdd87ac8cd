import { defineConfig, natsSettings, opsSettings, z } from '@sluice/config';

export const ratelimitConfig = defineConfig('ratelimit', {
  ...natsSettings,
  ...opsSettings,
  mostKeys: z.coerce.number().int().min(1).default(50_000).meta({
    env: 'SLUICE_RATELIMIT_KEYS',
    description:
      'Keys per bucket whose past slots are remembered, about 0.3 KB each. Others cost one read more per lease.',
  }),
  clockMs: z.coerce.number().int().min(50).max(60_000).default(1_000).meta({
    env: 'SLUICE_RATELIMIT_CLOCK_MS',
    description: 'Time between two looks at the clock of the NATS server, milliseconds.',
  }),
});
