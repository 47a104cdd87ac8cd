import { connect, type NatsConnection } from '@nats-io/transport-node';
import { serveDriver } from '../harness/driver.ts';
import { tradeText } from './trade-text.ts';

export interface PublishLoad {
  readonly url: string;
  readonly subject: string;
  readonly perSecond: number;
  readonly seconds: number;
}

const connections = new Map<string, NatsConnection>();

let published = 0;

/** Publishes at a steady rate, each millisecond what is due; gives the number published. */
async function publish({ url, subject, perSecond, seconds }: PublishLoad): Promise<number> {
  let connection = connections.get(url);
  if (!connection) connections.set(url, (connection = await connect({ servers: url, noAsyncTraces: true })));
  const started = performance.now();
  const total = Math.round(perSecond * seconds);
  let sent = 0;
  while (sent < total) {
    const due = Math.min(total, Math.ceil(((performance.now() - started) / 1000) * perSecond));
    for (; sent < due; sent += 1) connection.publish(subject, tradeText(published++));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await connection.flush();
  return sent;
}

const commands = { publish };
export type PublishDriver = typeof commands;
serveDriver(commands);
