import { defineConfig, natsSettings, opsSettings, z } from '@sluice/config';

export const routerConfig = defineConfig('router', {
  ...natsSettings,
  ...opsSettings,
  gatewayFile: z.string().optional().meta({
    env: 'SLUICE_GATEWAY_FILE',
    description:
      'Gateway document, YAML or JSON; loaded into KV `config` when it or a list file of it holds something else than what routers loaded last, and on SIGHUP. Without it, what KV holds stays.',
  }),
  defaultTimeoutMs: z.coerce.number().int().min(1).max(300_000).default(10_000).meta({
    env: 'SLUICE_DEFAULT_TIMEOUT_MS',
    description: 'Time from edge to answer for routes that name none, milliseconds.',
  }),
  discoveryIntervalMs: z.coerce.number().int().min(100).max(60_000).default(1_000).meta({
    env: 'SLUICE_DISCOVERY_INTERVAL_MS',
    description:
      'Time between two polls for services, milliseconds. A service is live after at most one and a half, and gone after three that it missed.',
  }),
  schemaMaxAgeMs: z.coerce.number().int().min(100).default(10_000).meta({
    env: 'SLUICE_SCHEMA_MAX_AGE_MS',
    description:
      'Age at which the schemas of backends are fetched again, for checks of requests and for /openapi.json, milliseconds.',
  }),
  apiTitle: z.string().default('Sluice').meta({
    env: 'SLUICE_API_TITLE',
    description: 'Title of the OpenAPI document.',
  }),
});
