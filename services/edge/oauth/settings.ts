import { z } from '@sluice/config';

export const sessionSettings = {
  sessionCache: z.coerce.number().int().min(1).default(20_000).meta({
    env: 'SLUICE_EDGE_SESSION_CACHE',
    description:
      'Browser sessions that an edge keeps at hand; others are looked up when they are used. 8 KB each on average at most.',
  }),
};
