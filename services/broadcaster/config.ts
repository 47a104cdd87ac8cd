import { defineConfig, natsSettings, opsSettings, z } from '@sluice/config';
import { defaultLiveHistory, defaultLiveMaxBytes } from '@sluice/live';
import { defaultMarketMaxBytes } from '@sluice/market';

const integer = (env: string, description: string, limits: { min: number; max: number; default: number }) =>
  z.coerce.number().int().min(limits.min).max(limits.max).default(limits.default).meta({ env, description });

export const broadcasterConfig = defineConfig('broadcaster', {
  ...natsSettings,
  ...opsSettings,
  shard: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,32}$/, 'must be 1 to 32 letters, digits, "_" and "-"')
    .default('all')
    .meta({
      env: 'SLUICE_BROADCASTER_SHARD',
      description:
        'Name of the part of the market that this process broadcasts; replicas of one shard stand by for each other.',
    }),
  filter: z
    .string()
    .regex(/^market\.[A-Za-z0-9_.*>-]+$/, 'must be a subject that begins with "market."')
    .default('market.>')
    .meta({
      env: 'SLUICE_BROADCASTER_FILTER',
      description:
        'Market events of this shard: `market.>`, or `market.*.*.<symbol>` for one symbol. A symbol must belong to one shard only.',
    }),
  leaseMs: integer(
    'SLUICE_BROADCASTER_LEASE',
    'How long a shard may be without a broadcaster after a crash, milliseconds.',
    { min: 3_000, max: 60_000, default: 5_000 },
  ),
  checkpointMs: integer(
    'SLUICE_BROADCASTER_CHECKPOINT',
    'Time between two checkpoints, milliseconds: how much a replica that takes over reads again.',
    { min: 100, max: 60_000, default: 2_000 },
  ),
  tickerMs: integer(
    'SLUICE_BROADCASTER_TICKER',
    'Least time between two tickers or quotes of a symbol, milliseconds.',
    {
      min: 10,
      max: 10_000,
      default: 100,
    },
  ),
  candleMs: integer(
    'SLUICE_BROADCASTER_CANDLE',
    'Least time between two states of a candle that is still open, milliseconds.',
    { min: 10, max: 10_000, default: 250 },
  ),
  liveHistory: integer(
    'SLUICE_LIVE_HISTORY',
    'Events kept per live channel: how far back clients can resume. The same in edge and broadcaster.',
    { min: 1, max: 100_000, default: defaultLiveHistory },
  ),
  liveMaxBytes: integer(
    'SLUICE_LIVE_MAX_BYTES',
    'Bytes of memory that the events of all channels may take on a NATS server; the oldest go first. The same in edge and broadcaster.',
    { min: 1_048_576, max: Number.MAX_SAFE_INTEGER, default: defaultLiveMaxBytes },
  ),
  marketMaxBytes: integer(
    'MARKET_MAX_BYTES',
    'Bytes that the stream of market events may take on disk; the oldest go first.',
    { min: 1_048_576, max: Number.MAX_SAFE_INTEGER, default: defaultMarketMaxBytes },
  ),
});
