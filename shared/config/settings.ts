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
  natsTlsCa: z.string().optional().meta({
    env: 'NATS_TLS_CA',
    description:
      'File with the certificate authority that signs the NATS servers’ certificates (PEM). Set, the connection has to be encrypted.',
  }),
  natsTlsCert: z.string().optional().meta({
    env: 'NATS_TLS_CERT',
    description:
      'File with the certificate that this process shows to NATS (PEM), where the servers ask for one.',
  }),
  natsTlsKey: z.string().optional().meta({
    env: 'NATS_TLS_KEY',
    description: 'File with the key of that certificate (PEM).',
  }),
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
  readonly natsTlsCa?: string | undefined;
  readonly natsTlsCert?: string | undefined;
  readonly natsTlsKey?: string | undefined;
}): {
  servers: string[];
  user?: string;
  password?: string;
  tls?: { caFile?: string; certFile?: string; keyFile?: string };
} {
  const { natsTlsCa: caFile, natsTlsCert: certFile, natsTlsKey: keyFile } = config;
  const tls = {
    ...(caFile === undefined ? {} : { caFile }),
    ...(certFile === undefined ? {} : { certFile }),
    ...(keyFile === undefined ? {} : { keyFile }),
  };
  return {
    servers: config.natsUrl.split(',').map((server) => server.trim()),
    ...(config.natsUser === undefined ? {} : { user: config.natsUser }),
    ...(config.natsPassword === undefined ? {} : { password: config.natsPassword }),
    ...(Object.keys(tls).length === 0 ? {} : { tls }),
  };
}
