/**
 * Why this edge closes a connection. RFC 6455 section 7.4: 1xxx are the protocol's own, 4000–4999 are the application's;
 * the last three digits are the nearest HTTP status. `docs/live.md` lists them for clients.
 */
export const closeCodes = {
  going_away: { code: 1001, text: 'the gateway goes away: reconnect and resume' },
  abusive: { code: 4400, text: 'too many messages were refused' },
  expired: { code: 4401, text: 'the credential has expired: connect again with a new one' },
  refused: { code: 4403, text: 'this address may not be connected' },
  /** Server-sent events only: a WebSocket without a channel can ask for others. */
  withdrawn: { code: 4403, text: 'none of its channels may be read any more' },
  slow: { code: 4408, text: 'too slow: more was waiting than the byte budget allows' },
  revoked: { code: 4410, text: 'the credential is no longer accepted' },
  flood: { code: 4429, text: 'messages came faster than this connection may send them' },
  /** Never sent: the peer answered no heartbeat, or is gone. */
  unresponsive: { code: 1006, text: '' },
  gone: { code: 1006, text: '' },
} as const;

export type CloseReason = keyof typeof closeCodes;
