import { freePort } from '../../scripts/local/free-port.ts';
import type { Context } from '../harness/context.ts';
import type { Measured } from '../harness/cpu.ts';
import { startSluice } from '../harness/sluice.ts';
import { tradeText } from '../load/trade-text.ts';
import type { WsCounts } from '../load/ws.ts';
import type { WsTarget } from '../load/ws-client.ts';

/** A way of sending one message to many WebSocket clients, running. */
export interface FanoutContender {
  readonly name: string;
  readonly role: 'row' | 'floor' | 'peer' | 'sluice';
  /** The process that holds the sockets. */
  readonly edge: Measured;
  readonly target: WsTarget;
  readonly publish: { readonly url: string; readonly subject: string };
  readonly perSecond: number;
  /** Messages that the clients received. */
  messages(counts: WsCounts): number;
  stop(): Promise<void>;
}

type Start = (context: Context) => Promise<FanoutContender>;

const subject = 'fan.out';
const channel = 'trades.BENCHUSDT';
const onePerFrame = (counts: WsCounts): number => counts.frames;

/** Node:http and NATS with the given prototype in front. */
const prototype =
  (name: string, role: FanoutContender['role'], file: string, perSecond: number): Start =>
  async ({ processes, startNats }) => {
    const nats = await startNats();
    const edge = await processes.start('edge', `bench/prototypes/${file}.ts`, { NATS_URL: nats.url });
    return {
      name,
      role,
      edge,
      target: { port: Number(edge.ready['port']), path: '/', protocol: 'plain' },
      publish: { url: nats.url, subject },
      perSecond,
      messages: onePerFrame,
      stop: async () => {
        await edge.stop();
        await nats.stop();
      },
    };
  };

/** Nats-server speaks WebSocket itself; it puts several messages into a frame, so messages are counted by their bytes. */
const natsWebSocket: Start = async ({ startNats }) => {
  const port = await freePort();
  const nats = await startNats(`websocket { listen: "127.0.0.1:${port}", no_tls: true }`);
  const payload = tradeText(0).length;
  const messageSize = `MSG ${subject} 1 ${payload}\r\n`.length + payload + 2;
  return {
    name: 'nats-server’s own WebSocket',
    role: 'peer',
    edge: { name: 'nats', pid: nats.pid },
    target: { port, path: '/', protocol: 'nats', channels: [subject] },
    publish: { url: nats.url, subject },
    perSecond: 1000,
    messages: (counts) => Math.floor(counts.payloadBytes / messageSize),
    stop: () => nats.stop(),
  };
};

const sluice: Start = async (context) => {
  const stack = await startSluice(context, ['router', 'edge']);
  return {
    name: 'Sluice edge',
    role: 'sluice',
    edge: stack.worker('edge'),
    target: {
      port: Number(new URL(stack.gateway).port),
      path: '/v1/stream',
      protocol: 'sluice',
      channels: [channel],
    },
    publish: { url: stack.natsUrl, subject: `live.in.${channel}` },
    perSecond: 1000,
    messages: onePerFrame,
    stop: () => stack.stop(),
  };
};

export const fanoutContenders: readonly Start[] = [
  prototype('bare prototype: framed once, ten frames per write', 'floor', 'fanout-bare', 1000),
  natsWebSocket,
  // It cannot do a thousand: what a frame costs does not depend on the rate, because nothing is put together.
  prototype('`ws.send` in a loop', 'row', 'fanout-ws', 100),
  sluice,
];
