/** What the bytes at the start of a connection are. */
export type ProxyHeader =
  /** Not enough of them yet. */
  | { readonly kind: 'more' }
  /** No PROXY header, or one that is not well formed. */
  | { readonly kind: 'bad' }
  /** `source` is null where the proxy speaks for itself: LOCAL, UNKNOWN, UNSPEC, Unix sockets. `length` in bytes. */
  | { readonly kind: 'header'; readonly source: string | null; readonly length: number };

const more: ProxyHeader = { kind: 'more' };
const bad: ProxyHeader = { kind: 'bad' };

const signature1 = Buffer.from('PROXY ', 'latin1');
const signature2 = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
/** With both line-end characters; the longest that version 1 can be. */
const longest1 = 107;
/** Version 2 after its 16 bytes: addresses and what load balancers add (a few hundred bytes); it could be 65,535. */
const longest2 = 4_096;
const family = { unspec: 0, inet: 1, inet6: 2, unix: 3 } as const;

/**
 * Reads a PROXY protocol header, version 1 or 2, from the first bytes of a connection
 * (haproxy.org/download/3.2/doc/proxy-protocol.txt). Bytes that can no longer become one are `bad` at once. The source is
 * text that {@link parseAddress} of `../addresses` has to accept: it is not checked here beyond its form.
 */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  if (startsLike(bytes, signature1)) return bytes.length < signature1.length ? more : readVersion1(bytes);
  if (startsLike(bytes, signature2)) return bytes.length < 16 ? more : readVersion2(bytes);
  return bad;
}

/** Whether the bytes are a beginning of the signature, or the other way round. */
function startsLike(bytes: Buffer, signature: Buffer): boolean {
  const length = Math.min(bytes.length, signature.length);
  return bytes.compare(signature, 0, length, 0, length) === 0;
}

const line1 =
  /^PROXY (TCP4|TCP6) ([0-9a-fA-F:.]{2,39}) ([0-9a-fA-F:.]{2,39}) (0|[1-9]\d{0,4}) (0|[1-9]\d{0,4})$/;

function readVersion1(bytes: Buffer): ProxyHeader {
  const end = bytes.indexOf('\n');
  if (end === -1) return bytes.length < longest1 ? more : bad;
  if (end >= longest1 || bytes[end - 1] !== 0x0d) return bad;
  const line = bytes.toString('latin1', 0, end - 1);
  const length = end + 1;
  // Whatever stands behind UNKNOWN is to be ignored.
  if (line === 'PROXY UNKNOWN' || line.startsWith('PROXY UNKNOWN '))
    return { kind: 'header', source: null, length };
  const match = line1.exec(line);
  if (!match) return bad;
  const [, protocol, source, destination, ...ports] = match as unknown as [
    string,
    string,
    string,
    string,
    ...string[],
  ];
  const colons = protocol === 'TCP6';
  if (source.includes(':') !== colons || destination.includes(':') !== colons) return bad;
  if (ports.some((port) => Number(port) > 65_535)) return bad;
  return { kind: 'header', source, length };
}

function readVersion2(bytes: Buffer): ProxyHeader {
  const version = bytes[12] as number;
  const rest = bytes.readUInt16BE(14);
  const command = version & 15;
  if (version >> 4 !== 2 || command > 1 || rest > longest2) return bad;
  const kind = (bytes[13] as number) >> 4;
  const protocol = (bytes[13] as number) & 15;
  if (kind > family.unix || protocol > 2) return bad;
  const length = 16 + rest;
  if (bytes.length < length) return more;
  // LOCAL: the proxy's own connection, a health check as a rule. The rest is to be ignored.
  if (command === 0) return { kind: 'header', source: null, length };
  switch (kind) {
    case family.inet:
      if (rest < 12) return bad;
      return { kind: 'header', source: bytes.subarray(16, 20).join('.'), length };
    case family.inet6:
      if (rest < 36) return bad;
      return { kind: 'header', source: formatV6(bytes.subarray(16, 32)), length };
    case family.unix:
      return rest < 216 ? bad : { kind: 'header', source: null, length };
    default:
      return { kind: 'header', source: null, length };
  }
}

function formatV6(bytes: Buffer): string {
  return Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16)).join(':');
}
