import { z } from 'zod';

/** Connection to NATS, the same in every process. Spread into a process's own definition. */
export const natsSettings = {
  natsUrl: z
    .string()
    .default('nats://127.0.0.1:4222')
    .meta({ env: 'NATS_URL', description: 'Servers to connect to, separated by commas.' }),
  natsUser: z
    .string()
    .optional()
    .meta({ env: 'NATS_USER', description: 'User name, where the server asks for one.' }),
  natsPassword: z
    .string()
    .optional()
    .meta({ env: 'NATS_PASSWORD', description: 'Password of that user.', secret: true }),
  natsReplicas: z.coerce.number().int().min(1).max(5).default(1).meta({
    env: 'NATS_REPLICAS',
    description: 'Copies kept of every stream and bucket: 1 on one server, 3 in a cluster.',
  }),
};

/** Health, metrics and logging, the same in every process. */
export const opsSettings = {
  opsHost: z
    .string()
    .default('127.0.0.1')
    .meta({ env: 'SLUICE_OPS_HOST', description: 'Address that health and metrics listen on.' }),
  opsPort: z.coerce.number().int().min(0).max(65535).default(0).meta({
    env: 'SLUICE_OPS_PORT',
    description: 'Port of /health/live, /health/ready and /metrics; 0 takes a free one.',
  }),
  logLevel: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
    .default('info')
    .meta({ env: 'SLUICE_LOG_LEVEL', description: 'Least severe level that is written.' }),
};

/** The part of the settings that `connectBus` of @sluice/nats takes. */
export function natsOptionsFrom(config: {
  readonly natsUrl: string;
  readonly natsUser?: string | undefined;
  readonly natsPassword?: string | undefined;
}): { servers: string[]; user?: string; password?: string } {
  return {
    servers: config.natsUrl.split(',').map((server) => server.trim()),
    ...(config.natsUser === undefined ? {} : { user: config.natsUser }),
    ...(config.natsPassword === undefined ? {} : { password: config.natsPassword }),
  };
}
