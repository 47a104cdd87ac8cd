import { access, constants } from 'node:fs/promises';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import type { Bus, BusReporter } from './bus.ts';
import { BusError } from './errors.ts';
import { inboxPrefix } from './inbox.ts';
import { callApiPatiently } from './jetstream-api.ts';
import { NatsBus } from './nats-bus.ts';

export interface BusOptions {
  readonly servers: readonly string[];
  readonly user?: string;
  readonly password?: string;
  /** Files in PEM, read again at every connection; with any of them the connection has to be encrypted. */
  readonly tls?: { readonly caFile?: string; readonly certFile?: string; readonly keyFile?: string };
  /** Shown in the server's connection list. */
  readonly name: string;
  /** Told of handlers that threw and of connection changes; for the log. */
  readonly report?: BusReporter;
  /** How long the first connection may take, milliseconds; default 30 s. */
  readonly waitMs?: number;
  /** Ends the waiting for a first connection; one that is there stays. */
  readonly signal?: AbortSignal;
}

/** Oldest server with message counters, which rate limits need. */
const oldestServer = [2, 12] as const;

/**
 * Connects and keeps reconnecting for ever. Throws BusError `disconnected` when no server answers within `waitMs`, and
 * `rejected` for a server that is too old or has no JetStream, and for TLS files that cannot be read; and the reason of
 * `signal` when that is aborted first.
 */
export async function connectBus(options: BusOptions): Promise<Bus> {
  await checkFiles(options.tls ?? {});
  const connection = await unlessAborted(options.signal, () => firstConnection(options));
  // Read before closing: a closed connection knows no server any more.
  const version = connection.info?.version ?? '0';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < oldestServer[0] || (major === oldestServer[0] && minor < oldestServer[1])) {
    await connection.close();
    throw new BusError(
      'rejected',
      `NATS server ${version} is too old: Sluice needs ${oldestServer.join('.')} or newer`,
    );
  }
  const bus = new NatsBus(connection, options.report ?? (() => {}), inboxPrefix(options.user));
  // A node without JetStream may have neighbours with it, so the API has the last word.
  if (connection.info?.jetstream !== true) {
    try {
      await callApiPatiently(bus, 'INFO', undefined, 2_000);
    } catch (cause) {
      await bus.close();
      throw new BusError('rejected', 'the NATS server has no JetStream: start it with -js', { cause });
    }
  }
  return bus;
}

/** The client would only say that no server can be reached, after having tried for a while. */
async function checkFiles(files: NonNullable<BusOptions['tls']>): Promise<void> {
  for (const file of Object.values(files)) {
    try {
      await access(file, constants.R_OK);
    } catch (cause) {
      throw new BusError('rejected', `cannot read ${file}, which the connection to NATS needs`, { cause });
    }
  }
}

async function firstConnection(options: BusOptions): Promise<NatsConnection> {
  const until = Date.now() + (options.waitMs ?? 30_000);
  for (;;) {
    options.signal?.throwIfAborted();
    try {
      const connection = await connect({
        servers: [...options.servers],
        name: options.name,
        ...(options.user === undefined ? {} : { user: options.user }),
        ...(options.password === undefined ? {} : { pass: options.password }),
        ...(options.tls === undefined ? {} : { tls: { ...options.tls } }),
        // Values from STACK.md, each against a failure seen there.
        maxReconnectAttempts: -1,
        reconnectTimeWait: 250,
        reconnectJitter: 250,
        pingInterval: 20_000,
        maxPingOut: 2,
        timeout: 5_000,
        ignoreAuthErrorAbort: true,
        noAsyncTraces: true,
      });
      if (!options.signal?.aborted) return connection;
      // Nobody waits for it any more.
      await connection.close();
    } catch (cause) {
      if (Date.now() >= until || isRefusal(cause)) {
        const reason = cause instanceof Error ? cause.message : String(cause);
        throw new BusError(
          'disconnected',
          `cannot connect to NATS at ${options.servers.join(', ')}: ${reason}`,
          { cause },
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}

/** An attempt cannot be taken back, and may last for seconds: it is not waited for. */
async function unlessAborted<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  if (!signal) return work();
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(signal.reason as Error);
  signal.addEventListener('abort', onAbort, { once: true });
  return Promise.race([work(), aborted.promise]).finally(() => signal.removeEventListener('abort', onAbort));
}

/** Wrong credentials do not become right by waiting. */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && /authorization|authentication/i.test(error.message);
}
