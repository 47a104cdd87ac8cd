import type { StreamSpec, StreamState } from '@sluice/nats';

/** Name of the stream that numbers, keeps and passes on channel events. */
export const liveStreamName = 'LIVE';

/** Events kept per channel by default: how far back a client can resume. */
export const defaultLiveHistory = 1_000;

/**
 * Bytes of memory that all channels together may take on a server by default. Channels come into being when somebody
 * publishes, so without a bound a flood of new names would fill the server; with it the oldest events of all go first.
 */
export const defaultLiveMaxBytes = 192 * 1024 * 1024;

/**
 * The stream of channel events, the same for everybody who makes sure that it exists. It lives in memory: after the loss
 * of every replica it begins anew with another epoch. A message id is told from its repetition for two minutes, so that
 * the broadcaster that takes over may publish again what the one before it had published last.
 */
export function liveStream(
  replicas: number,
  history: number = defaultLiveHistory,
  maxBytes: number = defaultLiveMaxBytes,
): StreamSpec {
  return {
    name: liveStreamName,
    subjects: ['live.in.>'],
    storage: 'memory',
    replicas,
    maxMsgsPerSubject: history,
    maxBytes,
    duplicateWindowMs: 120_000,
    republish: { src: 'live.in.>', dest: 'live.out.>' },
  };
}

/** What clients compare to see whether sequences of two moments can be compared: the stream's creation, in base 36. */
export function epochOf(state: StreamState): string {
  return state.createdMs.toString(36);
}
