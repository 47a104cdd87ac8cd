/** A backend with the SDK: `NATS_URL=nats://127.0.0.1:4222 node examples/backends/node-sdk/main.ts` */
import { connectBus } from '@sluice/nats';
import { startService } from '@sluice/service';
import { endpoints } from './orders.ts';

const bus = await connectBus({
  servers: [process.env['NATS_URL'] ?? 'nats://127.0.0.1:4222'],
  name: 'example: orders with the SDK',
  ...(process.env['NATS_USER'] ? { user: process.env['NATS_USER'] } : {}),
  ...(process.env['NATS_PASSWORD'] ? { password: process.env['NATS_PASSWORD'] } : {}),
});
const service = await startService(bus, {
  name: 'orders',
  version: '1.0.0',
  description: 'Orders of an imaginary shop, with the SDK',
  endpoints: endpoints(process.pid),
  report: ({ endpoint, requestId, error }) => console.error(endpoint, requestId, error.cause ?? error),
});
console.log(`ready: ${service.name} ${service.id}`);

async function stop(): Promise<void> {
  await service.stop();
  await bus.close();
}

// Once each: a second signal ends the process the usual way.
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop());
