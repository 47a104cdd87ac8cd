import { connectBus } from '@sluice/nats';
import { endpoint, startService, z } from '@sluice/service';
import { order } from './answer.ts';
import { ready, setting } from './ready.ts';

const bus = await connectBus({ servers: [setting('NATS_URL')], name: 'orders' });
await startService(bus, {
  name: 'orders',
  version: '1.0.0',
  description: 'The backend of the HTTP benchmark',
  endpoints: {
    get: endpoint({
      auth: 'public',
      route: 'GET /v1/orders/{id}',
      summary: 'One order',
      params: z.object({ id: z.string() }),
      handler: ({ params }) => order(params.id),
    }),
  },
});
await bus.flush();
ready();
