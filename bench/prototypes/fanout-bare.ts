import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { Duplex } from 'node:stream';
import { connect } from '@nats-io/transport-node';
import { textFrame, updateText } from './frames.ts';
import { listen, setting } from './ready.ts';

// What fanning out can cost at best: framed once, ten frames in one write to each socket, and nothing else.
const framesPerWrite = 10;
const sockets = new Set<Duplex>();
const server = createServer();
server.on('upgrade', (request, socket) => {
  const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const accept = createHash('sha1').update(key).digest('base64');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: ${accept}\r\n\r\n`,
  );
  socket.on('error', () => {}).on('close', () => sockets.delete(socket));
  socket.resume();
  sockets.add(socket);
});

let waiting: Buffer[] = [];
function flush(): void {
  if (waiting.length === 0) return;
  const block = Buffer.concat(waiting);
  waiting = [];
  for (const socket of sockets) socket.write(block);
}

const nats = await connect({ servers: setting('NATS_URL'), noAsyncTraces: true });
let seq = 0;
nats.subscribe('fan.out', {
  callback: (_error, msg) => {
    seq += 1;
    waiting.push(textFrame(updateText(seq, msg.data)));
    if (waiting.length >= framesPerWrite) flush();
  },
});
// The last few of a burst do not fill a write.
setInterval(flush, 20);
await nats.flush();
listen(server);
