import { EventSource } from 'eventsource';
import { until } from '@sluice/testing';
import { LiveClient, type Standing, type Update } from '../../../services/edge/live/testing/client.ts';

/** What a follower of one channel saw, whatever happened to its connections. */
export interface Follower {
  /** Updates in the order in which they came, over all connections. */
  readonly updates: readonly Update[];
  /** Every place where an update was missing or came twice, in words; empty when the channel was whole. */
  faults(): string[];
  readonly connections: number;
  close(): void;
}

/** Checks the chain: every update names the one before it. */
class Chain {
  readonly updates: Update[] = [];
  readonly broken: string[] = [];
  #at: number | undefined;

  begin(standing: Standing): void {
    this.#at ??= standing.seq;
  }

  add(update: Update): void {
    if (update.prev !== this.#at) this.broken.push(`${update.seq} follows ${update.prev}, not ${this.#at}`);
    this.#at = update.seq;
    this.updates.push(update);
  }

  get at(): number {
    return this.#at ?? 0;
  }
}

/**
 * A WebSocket client as docs/live.md asks for: it notices a dead connection, goes to the next edge, and resumes where it
 * was. Resolves when it is subscribed.
 */
export async function followWebSocket(gateways: readonly string[], channel: string): Promise<Follower> {
  const chain = new Chain();
  const lost: string[] = [];
  const closing = new AbortController();
  let connections = 0;
  let current: LiveClient | undefined;
  let epoch = '';

  const session = async (url: string): Promise<void> => {
    const client = await LiveClient.connect(`${url}/v1/stream`, { handshakeTimeout: 2_000 });
    current = client;
    let read = 0;
    const take = (): void => {
      for (; read < client.updates.length; read++) chain.add(client.updates[read] as Update);
    };
    try {
      const standing = await (epoch === ''
        ? client.subscribe(channel).then((standings) => standings[channel] as Standing)
        : client.resume(channel, { epoch, seq: chain.at }));
      connections += 1;
      if (epoch !== '' && standing.recovered !== true) lost.push(`${url} could not resume from ${chain.at}`);
      ({ epoch } = standing);
      chain.begin(standing);
      let pongAt = performance.now();
      client.ws.on('pong', () => (pongAt = performance.now()));
      client.ws.on('message', take);
      const beat = setInterval(() => {
        if (performance.now() - pongAt > 3_000) client.ws.terminate();
        else client.ws.ping();
      }, 500);
      take();
      await new Promise<void>((resolve) => {
        if (client.closed) resolve();
        client.ws.once('close', () => resolve());
      });
      clearInterval(beat);
      for (const { event } of client.events)
        if (event === 'resync') lost.push('the edge asked to start anew');
    } finally {
      take();
      client.ws.terminate();
    }
  };
  const run = async (): Promise<void> => {
    let turn = 0;
    const next = (): string => gateways[turn++ % gateways.length] as string;
    // One edge after the other until one takes it, for as long as the test goes on.
    while (!closing.signal.aborted)
      await until(() => closing.signal.aborted || session(next()).then(() => true), { timeoutMs: Infinity });
  };
  const running = run();
  await until(() => connections > 0, { timeoutMs: 30_000, message: `${channel} is subscribed` });
  return {
    updates: chain.updates,
    faults: () => [...lost, ...chain.broken],
    get connections() {
      return connections;
    },
    close: () => {
      closing.abort();
      current?.ws.terminate();
      void running;
    },
  };
}

/** The same over server-sent events: the client library reconnects by itself, with `Last-Event-ID`. */
export async function followEvents(gateway: string, channel: string): Promise<Follower> {
  const chain = new Chain();
  const lost: string[] = [];
  let connections = 0;
  const source = new EventSource(`${gateway}/v1/stream?channels=${channel}`);
  source.addEventListener('subscribed', (event) => {
    const { channels } = JSON.parse(event.data as string) as { channels: Record<string, Standing> };
    const standing = channels[channel] as Standing;
    if (connections > 0 && standing.recovered !== true) lost.push(`could not resume from ${chain.at}`);
    connections += 1;
    chain.begin(standing);
  });
  source.addEventListener('resync', () => lost.push('the edge asked to start anew'));
  source.addEventListener('message', (event) => chain.add(JSON.parse(event.data as string) as Update));
  await until(() => connections > 0, { timeoutMs: 30_000, message: `${channel} is followed` });
  return {
    updates: chain.updates,
    faults: () => [...lost, ...chain.broken],
    get connections() {
      return connections;
    },
    close: () => source.close(),
  };
}
