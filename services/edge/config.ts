import { defineConfig, natsSettings, opsSettings, z } from '@sluice/config';
import { credentialSettings } from './credentials/settings.ts';
import { limitSettings } from './limits/mod.ts';
import { liveSettings } from './live/settings.ts';
import { sessionSettings } from './oauth/settings.ts';

const milliseconds = (fallback: number, env: string, description: string) =>
  z.coerce.number().int().min(0).default(fallback).meta({ env, description });

const bytes = (fallback: number, env: string, description: string) =>
  z.coerce.number().int().min(1).default(fallback).meta({ env, description });

/** What the HTTP side of the edge is set by. The defaults are the ones `docs/http.md` explains. */
export const httpSettings = {
  httpHost: z
    .string()
    .default('127.0.0.1')
    .meta({ env: 'SLUICE_HTTP_HOST', description: 'Address that clients connect to.' }),
  httpPort: z.coerce
    .number()
    .int()
    .min(0)
    .max(65535)
    .default(8080)
    .meta({ env: 'SLUICE_HTTP_PORT', description: 'Port that clients connect to; 0 takes a free one.' }),
  bodyLimit: bytes(
    1024 * 1024,
    'SLUICE_EDGE_BODY_LIMIT',
    'Largest request body in bytes, where the route names no other. NATS must be able to carry it (`max_payload`).',
  ),
  headerLimit: bytes(
    32 * 1024,
    'SLUICE_EDGE_HEADER_LIMIT',
    'Largest sum of all request header fields in bytes.',
  ),
  targetLimit: bytes(8 * 1024, 'SLUICE_EDGE_URI_LIMIT', 'Longest path and query together in bytes.'),
  headersTimeoutMs: milliseconds(
    10_000,
    'SLUICE_EDGE_HEADERS_TIMEOUT',
    'Time for the header section to arrive, milliseconds.',
  ),
  graceMs: milliseconds(
    10_000,
    'SLUICE_EDGE_TRANSFER_GRACE',
    'Time a body may take at any speed, in either direction, milliseconds. After it the least rate counts.',
  ),
  leastRate: bytes(
    2048,
    'SLUICE_EDGE_LEAST_RATE',
    'Bytes per second that a client must send of a body, or take of an answer, on average.',
  ),
  keepAliveMs: milliseconds(
    65_000,
    'SLUICE_EDGE_KEEP_ALIVE',
    'Time an idle connection is kept, milliseconds. Longer than the idle time of the load balancer in front.',
  ),
  maxConnections: z.coerce
    .number()
    .int()
    .min(1)
    .default(20_000)
    .meta({ env: 'SLUICE_EDGE_MAX_CONNECTIONS', description: 'Open connections; more are closed at once.' }),
  trustedProxies: z.string().default('').meta({
    env: 'SLUICE_EDGE_TRUSTED_PROXIES',
    description:
      'Addresses or CIDR blocks, separated by commas, of proxies that are believed for whom they speak. Empty: nobody is.',
  }),
  forwardedField: z.enum(['x-forwarded-for', 'forwarded']).default('x-forwarded-for').meta({
    env: 'SLUICE_EDGE_FORWARDED_FIELD',
    description:
      'Which field trusted proxies write: `x-forwarded-for` or `forwarded` (RFC 7239). The other one is never believed.',
  }),
  proxyProtocol: z.string().default('').meta({
    env: 'SLUICE_EDGE_PROXY_PROTOCOL',
    description:
      'Addresses or CIDR blocks, separated by commas, of load balancers that begin every connection with a PROXY protocol header, version 1 or 2. Required from them, never accepted from others.',
  }),
  tlsCert: z.string().min(1).optional().meta({
    env: 'SLUICE_EDGE_TLS_CERT',
    description:
      'PEM file with the certificate that clients see, followed by the intermediate ones. With it and a key the edge speaks HTTPS only. Read again when it changes, and on SIGHUP.',
  }),
  tlsKey: z.string().min(1).optional().meta({
    env: 'SLUICE_EDGE_TLS_KEY',
    description: 'PEM file with the private key of the certificate, without a passphrase.',
  }),
  tlsMinVersion: z
    .enum(['TLSv1.2', 'TLSv1.3'])
    .default('TLSv1.2')
    .meta({ env: 'SLUICE_EDGE_TLS_MIN_VERSION', description: 'Oldest version of TLS that is spoken.' }),
  drainDelayMs: milliseconds(
    0,
    'SLUICE_EDGE_DRAIN_DELAY',
    'Time between "not ready" and the end of accepting when stopping, milliseconds: what load balancers need to notice.',
  ),
  stopGraceMs: milliseconds(
    20_000,
    'SLUICE_EDGE_STOP_GRACE',
    'Time that requests in flight get to finish when stopping, milliseconds.',
  ),
};

export const edgeConfig = defineConfig('edge', {
  ...httpSettings,
  ...liveSettings,
  ...credentialSettings,
  ...limitSettings,
  ...sessionSettings,
  ...natsSettings,
  ...opsSettings,
});

export type HttpConfig = Readonly<z.infer<z.ZodObject<typeof httpSettings>>>;
