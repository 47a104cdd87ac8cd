import { defineConfig, natsSettings, opsSettings, z } from '@sluice/config';
import { defaultMarketMaxBytes } from '@sluice/market';

const integer = (env: string, description: string, limits: { min: number; max: number; default: number }) =>
  z.coerce.number().int().min(limits.min).max(limits.max).default(limits.default).meta({ env, description });

export const marketdataConfig = defineConfig('marketdata', {
  ...natsSettings,
  ...opsSettings,
  databaseUrl: z
    .string()
    .regex(/^postgres(?:ql)?:\/\//, 'must begin with postgres:// or postgresql://')
    .default('postgres://sluice@127.0.0.1:5432/sluice')
    .meta({
      env: 'DATABASE_URL',
      description:
        'PostgreSQL, with or without TimescaleDB. The user must own the database or be able to make tables in it.',
      secret: true,
    }),
  databasePool: integer(
    'SLUICE_DATABASE_POOL',
    'Connections for queries; one more is used for writing, and one now and then for upkeep of the tables.',
    {
      min: 1,
      max: 200,
      default: 8,
    },
  ),
  databaseTimeoutMs: integer(
    'SLUICE_DATABASE_TIMEOUT',
    'Longest a query of the history endpoints may run, milliseconds; then it ends with 504.',
    { min: 100, max: 60_000, default: 4_000 },
  ),
  tradesRetentionDays: integer(
    'SLUICE_TRADES_RETENTION_DAYS',
    'Whole days that trades are kept, 0 for ever. Candles are kept for ever. Older trades are refused, also after it is raised where they were dropped already.',
    { min: 0, max: 36_500, default: 0 },
  ),
  tradesCompressAfterDays: integer(
    'SLUICE_TRADES_COMPRESS_AFTER_DAYS',
    'Days after which trades are compressed into columns, 0 never. TimescaleDB community edition only.',
    { min: 0, max: 36_500, default: 7 },
  ),
  ingestBatch: integer('SLUICE_INGEST_BATCH', 'Most trades written in one transaction.', {
    min: 1,
    max: 50_000,
    default: 5_000,
  }),
  ingestWaitMs: integer(
    'SLUICE_INGEST_WAIT',
    'How long the first trade of a batch waits for others, milliseconds.',
    { min: 0, max: 10_000, default: 50 },
  ),
  marketMaxBytes: integer(
    'MARKET_MAX_BYTES',
    'Bytes that the stream of market events may take on disk; the oldest go first.',
    { min: 1_048_576, max: Number.MAX_SAFE_INTEGER, default: defaultMarketMaxBytes },
  ),
});
