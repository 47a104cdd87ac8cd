import { ServiceBroker, type Context } from 'moleculer';
import { order } from './answer.ts';
import { ready, setting } from './ready.ts';

const broker = new ServiceBroker({
  nodeID: 'backend',
  transporter: { type: 'NATS', options: { url: setting('NATS_URL') } },
  logger: false,
  metrics: false,
  tracing: false,
});
broker.createService({
  name: 'orders',
  actions: { get: (context: Context<{ id: string }>) => order(context.params.id) },
});
await broker.start();
ready();
