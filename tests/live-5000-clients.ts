import { WebSocket } from 'ws';

/**
 * A share of the clients of `live-5000.test.ts`, in a process of its own: opens them, subscribes, and says as JSON lines
 * when all are there and when all have seen every event once and in order.
 */
const gateway = process.env['GATEWAY'] as string;
const channel = process.env['CHANNEL'] as string;
const clients = Number(process.env['CLIENTS']);
const events = Number(process.env['EVENTS']);
/** Handshakes under way at once: an accept queue is no place for thousands. */
const opening = 50;

const report = (line: Record<string, unknown>): void => {
  process.stdout.write(`${JSON.stringify(line)}\n`);
};

let subscribed = 0;
let complete = 0;
let closed = 0;
const faults: string[] = [];

function open(): Promise<void> {
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(`${gateway.replace('http', 'ws')}/v1/stream`, { perMessageDeflate: false });
    let position = 0;
    let seen = 0;
    ws.on('open', () => ws.send(JSON.stringify({ id: 1, op: 'subscribe', channels: [channel] })));
    ws.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString()) as {
        id?: number;
        seq: number;
        prev: number;
        data: { n: number };
        channels?: Record<string, { seq: number }>;
      };
      if (message.id === 1) {
        position = message.channels?.[channel]?.seq ?? 0;
        subscribed += 1;
        return resolve();
      }
      seen += 1;
      if (message.prev !== position || message.data.n !== seen)
        faults.push(`event ${seen}: ${data.toString()} after sequence ${position}`);
      position = message.seq;
      if (seen === events && ++complete === clients) report({ msg: 'complete', faults: faults.slice(0, 5) });
    });
    ws.on('error', reject);
    ws.on('close', () => {
      closed += 1;
    });
  });
}

for (let at = 0; at < clients; at += opening)
  await Promise.all(Array.from({ length: Math.min(opening, clients - at) }, open));
report({ msg: 'subscribed', subscribed, closed });
