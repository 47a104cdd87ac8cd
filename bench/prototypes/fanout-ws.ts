import { createServer } from 'node:http';
import { connect } from '@nats-io/transport-node';
import { WebSocketServer } from 'ws';
import { updateText } from './frames.ts';
import { listen, setting } from './ready.ts';

// The ordinary way: `send` in a loop over the clients.
const server = createServer();
const webSockets = new WebSocketServer({ server });

const nats = await connect({ servers: setting('NATS_URL'), noAsyncTraces: true });
let seq = 0;
nats.subscribe('fan.out', {
  callback: (_error, msg) => {
    seq += 1;
    const text = updateText(seq, msg.data);
    for (const client of webSockets.clients) client.send(text);
  },
});
await nats.flush();
listen(server);
