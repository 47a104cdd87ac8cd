import { order } from './answer.ts';
import { floorBus } from './floor-bus.ts';
import { ready } from './ready.ts';

const bus = await floorBus();
bus.serve('floor.backend', (msg) => {
  const target = Buffer.from(msg.data.buffer, msg.data.byteOffset, msg.data.length).toString('latin1');
  bus.publish(msg.reply!, Buffer.from(JSON.stringify(order(target.slice(target.lastIndexOf('/') + 1)))));
});
await bus.flush();
ready();
