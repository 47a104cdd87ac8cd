import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { ServiceBroker } from 'moleculer';
import ApiGateway from 'moleculer-web';
import { listen, setting } from './ready.ts';

const broker = new ServiceBroker({
  nodeID: 'gateway',
  transporter: { type: 'NATS', options: { url: setting('NATS_URL') } },
  logger: false,
  metrics: false,
  tracing: false,
});
// `server: false` leaves the listening to us; everything that can be switched off is.
const gateway = broker.createService({
  name: 'gateway',
  mixins: [ApiGateway as never],
  settings: {
    server: false,
    logRequest: null,
    logResponse: null,
    routes: [
      {
        path: '/',
        aliases: { 'GET /v1/orders/:id': 'orders.get' },
        mappingPolicy: 'restrict',
        bodyParsers: false,
      },
    ],
  },
}) as unknown as { express(): (request: IncomingMessage, response: ServerResponse) => void };
await broker.start();
await broker.waitForServices('orders');
listen(createServer(gateway.express()));
