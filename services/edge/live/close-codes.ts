/**
 * Why this edge closes a connection. RFC 6455 section 7.4: 1xxx are the protocol's own, 4000–4999 are the application's;
 * the last three digits are the nearest HTTP status. `docs/live.md` lists them for clients.
 */
export const closeCodes = {
  going_away: { code: 1001, text: 'the gateway goes away: reconnect and resume' },
  abusive: { code: 4400, text: 'too many messages were refused' },
  slow: { code: 4408, text: 'too slow: more was waiting than the byte budget allows' },
  /** Never sent: the peer answered no heartbeat, or is gone. */
  unresponsive: { code: 1006, text: '' },
  gone: { code: 1006, text: '' },
} as const;

export type CloseReason = keyof typeof closeCodes;
