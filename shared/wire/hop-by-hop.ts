/**
 * Fields that belong to one connection (RFC 9110 section 7.6.1), and the proxy credentials that RFC 9110 section 11.7
 * gives the next hop only. They cross the gateway in neither direction.
 */
export const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
