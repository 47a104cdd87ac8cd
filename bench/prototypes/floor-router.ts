import { floorBus } from './floor-bus.ts';
import { ready } from './ready.ts';

const bus = await floorBus();
// Bytes go through untouched in both directions (speed rule 3).
bus.serve('floor.router', (msg) =>
  bus.request('floor.backend', msg.data, (reply) => bus.publish(msg.reply!, reply.data)),
);
await bus.flush();
ready();
