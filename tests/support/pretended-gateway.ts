import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';

/** What every candle of a pretended market is like. */
export interface PretendedMarket {
  readonly symbol: string;
  readonly price: string;
  readonly volume: string;
}

const minute = 60_000;
const count = 60;
const firstTs = Date.UTC(2024, 0, 1);
const lastTs = firstTs + (count - 1) * minute;

/**
 * As much of a gateway as the live chart needs: markets that stand still, and handshakes that can be left without an
 * answer, as a network does that swallows everything. A real one cannot be made to.
 */
export class PretendedGateway {
  /** More may come. */
  readonly markets: PretendedMarket[];
  /** Handshakes of WebSockets so far. */
  handshakes = 0;
  /** New handshakes are left without an answer. */
  silent = false;
  readonly #server: Server;
  readonly #sockets = new WebSocketServer({ noServer: true });
  readonly #unanswered = new Set<Duplex>();

  static async start(markets: readonly PretendedMarket[]): Promise<PretendedGateway> {
    const gateway = new PretendedGateway(markets);
    gateway.#server.listen(0, '127.0.0.1');
    await once(gateway.#server, 'listening');
    return gateway;
  }

  private constructor(markets: readonly PretendedMarket[]) {
    this.markets = [...markets];
    this.#server = createServer((request, response) => {
      const body = this.#answer(new URL(request.url ?? '', 'http://gateway.test').pathname);
      response.writeHead(body ? 200 : 404, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body ?? { detail: 'There is no such market.' }));
    });
    this.#server.on('upgrade', (request, socket, head) => this.#onUpgrade(request, socket, head));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Ends every WebSocket, without a word. */
  cut(): void {
    for (const socket of this.#sockets.clients) socket.terminate();
  }

  async stop(): Promise<void> {
    this.cut();
    for (const socket of this.#unanswered) socket.destroy();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(path: string): object | undefined {
    if (path === '/v1/markets')
      return {
        data: this.markets.map(({ symbol }) => ({ symbol, first_ts: firstTs, last_ts: lastTs })),
        next: null,
      };
    const market = this.#find(/^\/v1\/markets\/(\w+)\/candles$/.exec(path)?.[1]);
    return (
      market && {
        data: Array.from({ length: count }, (_, i) => candle(market, lastTs - i * minute)),
        next: null,
      }
    );
  }

  #find(symbol: string | undefined): PretendedMarket | undefined {
    return this.markets.find((market) => market.symbol === symbol);
  }

  #onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.handshakes += 1;
    if (this.silent) {
      socket.on('error', () => {}).on('close', () => this.#unanswered.delete(socket));
      this.#unanswered.add(socket);
      return;
    }
    this.#sockets.handleUpgrade(request, socket, head, (client) =>
      client.on('message', (text: Buffer) => {
        const { id, channels } = JSON.parse(text.toString()) as { id: number; channels?: string[] };
        const standing = (channels ?? []).map((channel) => [channel, this.#standing(channel)] as const);
        client.send(JSON.stringify({ id, ok: true, channels: Object.fromEntries(standing) }));
      }),
    );
  }

  #standing(channel: string): object {
    const [kind, symbol] = channel.split('.');
    const market = this.#find(symbol);
    const state =
      kind === 'candles'
        ? market && candle(market, lastTs)
        : kind === 'ticker'
          ? market && ticker(market)
          : undefined;
    return { epoch: 'pretended', seq: 1, ...(state ? { data: state } : {}) };
  }
}

/** Alternately rising and falling by the last digit. */
function candle({ price, volume }: PretendedMarket, ts: number): object {
  const other = price.replace(/\d$/, (digit) => String((Number(digit) + 1) % 10));
  const [open, close] = (ts / minute) % 2 === 0 ? [price, other] : [other, price];
  const [low, high] = [open, close].sort();
  return { ts, open, high, low, close, volume, quote_volume: volume, trades: 1 };
}

function ticker({ symbol, price, volume }: PretendedMarket): object {
  const day = {
    open: price,
    high: price,
    low: price,
    volume,
    quote_volume: volume,
    trades: count,
    change: '0',
  };
  return { symbol, ts: lastTs, last: price, ...day };
}
