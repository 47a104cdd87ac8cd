import { z } from '@sluice/config';
import { defaultLiveHistory, defaultLiveMaxBytes } from '@sluice/live';

const count = (fallback: number, env: string, description: string) =>
  z.coerce.number().int().min(1).default(fallback).meta({ env, description });

/** What the live side of the edge is set by; `config.ts` spreads it into the process's own. */
export const liveSettings = {
  liveHistory: count(
    defaultLiveHistory,
    'SLUICE_LIVE_HISTORY',
    'Events kept per live channel: how far back clients can resume. The same in edge and broadcaster.',
  ),
  liveMaxBytes: count(
    defaultLiveMaxBytes,
    'SLUICE_LIVE_MAX_BYTES',
    'Bytes of memory that the events of all channels may take on a NATS server; the oldest go first. The same in edge and broadcaster.',
  ),
  liveBudget: count(
    1024 * 1024,
    'SLUICE_LIVE_BUDGET',
    'Bytes that may wait for one live connection. Tickers, candles and quotes are conflated before that; a connection that exceeds it is closed.',
  ),
  liveMaxMessage: count(
    64 * 1024,
    'SLUICE_LIVE_MAX_MESSAGE',
    'Largest WebSocket message in bytes that a client may send.',
  ),
  liveChannels: count(
    256,
    'SLUICE_LIVE_CHANNELS',
    'Channels and patterns that one live connection may be subscribed to, where the gateway document says nothing.',
  ),
  liveConnectionsPerAddress: count(
    10_000,
    'SLUICE_LIVE_CONNECTIONS_PER_ADDRESS',
    'Live connections that one client address may hold on this edge, where the gateway document says nothing.',
  ),
  liveMessageRate: count(
    100,
    'SLUICE_LIVE_MESSAGE_RATE',
    'Messages per second that a live connection may send on average, each channel of a subscribe counted; bursts of ten seconds’ worth. Where the gateway document says nothing.',
  ),
  liveCallsInFlight: count(
    16,
    'SLUICE_LIVE_CALLS',
    'REST calls that one live connection may have under way at once.',
  ),
  liveHeartbeatMs: count(
    25_000,
    'SLUICE_LIVE_HEARTBEAT',
    'Time between heartbeats of a live connection, milliseconds. A WebSocket client that answered none until the next is dropped.',
  ),
  liveWarnMs: count(
    30_000,
    'SLUICE_LIVE_EXPIRY_WARNING',
    'How long before the end of its credential a live connection is told, milliseconds, so that the client can renew it.',
  ),
  liveDrainMs: count(
    2_000,
    'SLUICE_LIVE_DRAIN',
    'Time over which live connections are closed when the edge stops, milliseconds, so that clients do not come back all at once.',
  ),
};

/** The live side's own settings and the one of NATS that it needs. */
export type LiveConfig = Readonly<z.infer<z.ZodObject<typeof liveSettings>>> & {
  readonly natsReplicas: number;
};
