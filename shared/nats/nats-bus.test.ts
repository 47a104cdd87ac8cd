import { once } from 'node:events';
import { createServer, Socket, type AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { startNatsServer, until, type TestNats } from '@sluice/testing';
import { busConformance } from './conformance/suite.ts';
import { soon } from './conformance/harness.ts';
import { connectBus, type Bus, type BusEvent } from './mod.ts';

busConformance('NatsBus', async () => {
  const server = await startNatsServer();
  return {
    connect: (report) => connectBus({ servers: [server.url], name: 'test', report }),
    kill: () => server.kill(),
    restart: () => server.restart(),
    stop: () => server.stop(),
  };
});

describe('NatsBus', () => {
  let server: TestNats;
  let monitor: string;
  const buses: Bus[] = [];
  const events: BusEvent[] = [];

  async function connect(options: { user?: string; password?: string } = {}): Promise<Bus> {
    const bus = await connectBus({
      servers: [server.url],
      name: 'test',
      user: 'all',
      password: 'secret',
      ...options,
      report: (event) => events.push(event),
    });
    buses.push(bus);
    return bus;
  }

  beforeAll(async () => {
    server = await startNatsServer({
      config: `
        http: "127.0.0.1:-1"
        authorization { users: [
          { user: all, password: secret }
          { user: few, password: secret, permissions: { publish: { deny: ["secret.>"] }, subscribe: { deny: ["secret.>"] } } }
        ] }`,
    });
    const line = server.log.find((each) => each.includes('http monitor')) ?? '';
    monitor = `http://${/127\.0\.0\.1:\d+/.exec(line)?.[0]}`;
  });
  afterAll(() => server.stop());
  afterEach(async () => {
    await Promise.all(buses.splice(0).map((bus) => bus.close(1_000)));
    events.length = 0;
    vi.restoreAllMocks();
  });

  it('has one inbox subscription whatever is asked', async () => {
    const [caller, responder] = [await connect(), await connect()];
    responder.subscribe('echo', (message) => message.respond(message.data));
    await responder.flush();
    await Promise.all(Array.from({ length: 500 }, () => caller.request('echo', 'x', { deadline: soon() })));
    const unanswered = caller.requestMany('mute', 'x', { waitMs: 500 });
    const answer = await fetch(`${monitor}/connz?subs=true`);
    const { connections } = (await answer.json()) as { connections: { subscriptions_list?: string[] }[] };
    const lists = connections
      .map((each) => each.subscriptions_list ?? [])
      .sort((a, b) => a.length - b.length);
    expect(lists.map((list) => list.filter((subject) => subject.startsWith('_INBOX.')).length)).toEqual([
      1, 1,
    ]);
    expect(lists.map((list) => list.length)).toEqual([1, 2]);
    await unanswered;
  });

  it('sends everything that one turn publishes in one write to the socket', async () => {
    const [caller, responder] = [await connect(), await connect()];
    responder.subscribe('echo', (message) => message.respond('answer'));
    await Promise.all([responder.flush(), caller.flush()]);
    const written = vi.spyOn(Socket.prototype, 'write');
    const calls = Array.from({ length: 200 }, () =>
      caller.request('echo', Buffer.alloc(1_000), { deadline: soon(), headers: ['a', 'b'] }),
    );
    // Promises and ticks in between do not end the turn.
    for (let i = 0; i < 200; i += 1) {
      caller.publish('elsewhere', 'x');
      await (i % 2 === 0 ? Promise.resolve() : new Promise<void>((resolve) => process.nextTick(resolve)));
    }
    expect(written).not.toHaveBeenCalled();
    await Promise.all(calls);
    const sizes = written.mock.calls.map(([bytes]) => (bytes as Uint8Array).length);
    // The first write holds all that the caller sent; the others are the responder's answers.
    expect(sizes[0]).toBeGreaterThan(200 * 1_000);
    expect(sizes.filter((size) => size > 100_000)).toHaveLength(1);
    // Answers leave together as well: as many turns as the requests needed to arrive, not one write each.
    expect(sizes.length).toBeLessThan(60);
  });

  it('does not pile up more than a burst before it writes', async () => {
    const [publisher, listener] = [await connect(), await connect()];
    let bytes = 0;
    listener.subscribe('bulk', (message) => {
      bytes += message.data.length;
    });
    await listener.flush();
    for (let i = 0; i < 40; i += 1) publisher.publish('bulk', Buffer.alloc(300_000, i));
    await until(() => bytes === 40 * 300_000);
  });

  it('fails a request that permissions forbid instead of letting it wait', async () => {
    const bus = await connect({ user: 'few' });
    await expect(bus.request('secret.thing', '', { deadline: Date.now() + 60_000 })).rejects.toMatchObject({
      kind: 'rejected',
    });
    bus.subscribe('secret.thing', () => {});
    await until(() => events.some((event) => event.detail.includes('handler of secret.thing')));
    // The connection is as good as before.
    bus.subscribe('open', (message) => message.respond('fine'));
    expect((await bus.request('open', '', { deadline: soon() })).text()).toBe('fine');
  });

  it('leaves a server that says it shuts down, before it is thrown out', async () => {
    await using lame = await startNatsServer();
    const bus = await connectBus({
      servers: [lame.url],
      name: 'test',
      report: (event) => events.push(event),
    });
    buses.push(bus);
    // It does not leave in the middle of something, its own question in this case.
    bus.subscribe('asked', async (message) => {
      await until(() => events.length > 0);
      message.respond('answered');
    });
    const answer = bus.request('asked', '', { deadline: soon() });
    await bus.flush();
    // The server keeps its clients for ten more seconds: who is away sooner has left by itself.
    process.kill(lame.pid, 'SIGUSR2');
    await until(() => !bus.connected, { timeoutMs: 5_000 });
    expect(events[0]?.detail).toBe('the NATS server shuts down: moving to another');
    expect((await answer).text()).toBe('answered');
    await lame.kill();
    await lame.restart();
    await until(() => bus.connected);
  });

  it('waits for a server that is not there yet, and says which one it missed', async () => {
    await using late = await startNatsServer();
    await late.kill();
    const connecting = connectBus({ servers: [late.url], name: 'test', waitMs: 20_000 });
    await late.restart();
    buses.push(await connecting);
    await late.kill();
    await expect(connectBus({ servers: [late.url], name: 'test', waitMs: 0 })).rejects.toMatchObject({
      kind: 'disconnected',
      message: expect.stringContaining(late.url) as string,
    });
  });

  it('gives up waiting when it is told to, be the server away or silent', async () => {
    const connections: Socket[] = [];
    const silent = createServer((socket) => void connections.push(socket)).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const stop = new AbortController();
    const connecting = connectBus({
      servers: [`nats://127.0.0.1:${port}`],
      name: 'test',
      signal: stop.signal,
    });
    await once(silent, 'connection');
    stop.abort(new Error('enough'));
    await expect(connecting).rejects.toThrow('enough');
    silent.close();
    for (const socket of connections) socket.destroy();
    await expect(
      connectBus({ servers: [`nats://127.0.0.1:${port}`], name: 'test', signal: stop.signal }),
    ).rejects.toThrow('enough');
  });

  it('refuses a server that is too old or has no JetStream, in one sentence', async () => {
    const old = createServer((socket) => {
      socket.write(
        'INFO {"server_id":"X","version":"2.11.9","headers":true,"max_payload":1048576,"jetstream":true}\r\n',
      );
      socket.on('data', (bytes) => bytes.includes('PING') && socket.write('PONG\r\n'));
    }).listen(0, '127.0.0.1');
    await once(old, 'listening');
    const { port } = old.address() as AddressInfo;
    await expect(connectBus({ servers: [`nats://127.0.0.1:${port}`], name: 'test' })).rejects.toMatchObject({
      kind: 'rejected',
      message: 'NATS server 2.11.9 is too old: Sluice needs 2.12 or newer',
    });
    old.close();
    await using plain = await startNatsServer({ config: 'jetstream: false' });
    await expect(connectBus({ servers: [plain.url], name: 'test' })).rejects.toMatchObject({
      kind: 'rejected',
      message: expect.stringContaining('no JetStream') as string,
    });
  });

  it('does not wait for files that are not there', async () => {
    const tls = { caFile: '/nowhere/ca.pem' };
    await expect(connectBus({ servers: [server.url], name: 'test', tls })).rejects.toMatchObject({
      kind: 'rejected',
      message: 'cannot read /nowhere/ca.pem, which the connection to NATS needs',
    });
  });

  it('does not wait for wrong credentials to become right', async () => {
    await expect(connect({ user: 'all', password: 'wrong' })).rejects.toMatchObject({ kind: 'disconnected' });
  });
});
