import type { Socket } from 'node:net';
import { addressOf, parseAddress, type Address, type AddressRanges } from '@sluice/addresses';
import { Patience, type Transfer } from './patience.ts';
import { readProxyHeader } from './proxy-header.ts';

export interface ProxyProtocolOptions {
  /** Peers that begin every connection with a PROXY header. */
  readonly peers: AddressRanges;
  /** Time for the header, milliseconds. */
  readonly timeoutMs: number;
  readonly tickMs: number;
  /** A connection was cut: no header, a bad one, or none in time. */
  readonly onRefused: () => void;
}

const nothing = Buffer.alloc(0);

/**
 * Takes the PROXY header off the connections of load balancers, before TLS and HTTP see a byte. From the listed peers it is
 * required; everybody else's connection is left alone, and a header in it is an HTTP request that makes no sense.
 */
export class ProxyProtocol {
  readonly #options: ProxyProtocolOptions;
  readonly #patience: Patience;

  constructor(options: ProxyProtocolOptions) {
    this.#options = options;
    // The same time for every header, however long it is.
    this.#patience = new Patience({
      graceMs: options.timeoutMs,
      leastRate: Infinity,
      tickMs: options.tickMs,
    });
  }

  /**
   * Calls `serve` with the address that the connection comes from: at once for ordinary peers, otherwise when the header
   * has arrived. What came behind it is put back for whoever reads next. A connection without one is destroyed.
   */
  accept(socket: Socket, serve: (source: Address) => void): void {
    const peer = addressOf(socket.remoteAddress);
    if (!this.#options.peers.has(peer)) return serve(peer);
    let held: Buffer = nothing;
    const waiting: Transfer = { startedAt: performance.now(), bytes: 0, expire: () => refuse() };
    const stop = (): void => {
      this.#patience.end(waiting);
      socket.off('readable', onReadable).off('end', onEnd).off('close', stop);
    };
    // A health check that connects and leaves is no fault.
    const onEnd = (): void => {
      stop();
      socket.destroy();
    };
    const refuse = (): void => {
      stop();
      this.#options.onRefused();
      socket.destroy();
    };
    const onReadable = (): void => {
      const chunk = socket.read() as Buffer | null;
      if (chunk === null) return undefined;
      held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      const header = readProxyHeader(held);
      if (header.kind === 'more') return undefined;
      const source =
        header.kind === 'bad' ? null : header.source === null ? peer : parseAddress(header.source);
      if (header.kind === 'bad' || source === null) return refuse();
      stop();
      const rest = held.subarray(header.length);
      if (rest.length > 0) socket.unshift(rest);
      return serve(source);
    };
    this.#patience.begin(waiting);
    // Until HTTP or TLS listen themselves, an error would end the process.
    socket.on('error', () => socket.destroy());
    socket.on('readable', onReadable).once('end', onEnd).once('close', stop);
    return undefined;
  }
}
