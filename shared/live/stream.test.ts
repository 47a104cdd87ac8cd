import { connectBus, ensureStream, lastMessages, publishStored, streamState, type Bus } from '@sluice/nats';
import { startNatsServer, type TestNats } from '@sluice/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { liveStream, liveStreamName } from './stream.ts';

let nats: TestNats;
let bus: Bus;
beforeAll(async () => {
  nats = await startNatsServer();
  bus = await connectBus({ servers: [nats.url], name: 'test' });
});
afterAll(async () => {
  await bus.close();
  await nats.stop();
});

it('a flood of new channels takes no more memory than allowed, and the newest events stay', async () => {
  const payload = 'x'.repeat(10_000);
  await ensureStream(bus, liveStream(1, 1_000, 1_048_576));
  const deadline = Date.now() + 20_000;
  await Promise.all(
    Array.from({ length: 300 }, (_, i) => publishStored(bus, `live.in.flood.${i}`, payload, { deadline })),
  );
  const { messages, lastSeq } = await streamState(bus, liveStreamName);
  expect(lastSeq).toBe(300);
  expect(messages).toBeGreaterThan(50);
  expect(messages * payload.length).toBeLessThanOrEqual(1_048_576);
  expect(await lastMessages(bus, liveStreamName, ['live.in.flood.299'])).toHaveLength(1);
});
