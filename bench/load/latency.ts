import { serveDriver } from '../harness/driver.ts';
import { percentile } from '../harness/stats.ts';
import { openClient, type WsClient, type WsTarget } from './ws-client.ts';

export interface LatencyResult {
  readonly received: number;
  /** Milliseconds from publishing the trade to having read its message. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

let clients: WsClient[] = [];
let latencies: number[] = [];

/** Opens clients that all follow the same channels; the first one's messages are timed. */
async function open({ count, ...target }: WsTarget & { readonly count: number }): Promise<void> {
  const failed = (reason: string): void => {
    throw new Error(reason);
  };
  clients = await Promise.all(Array.from({ length: count }, () => openClient(target, failed)));
  clients[0]!.onText = (text) => {
    const start = text.indexOf('"data":{"id":"');
    if (start < 0) return;
    const id = text.slice(start + 14, text.indexOf('"', start + 14));
    latencies.push(Number(process.hrtime.bigint() - BigInt(id)) / 1e6);
  };
}

function reset(): void {
  latencies = [];
}

function received(): number {
  return latencies.length;
}

function result(): LatencyResult {
  return {
    received: latencies.length,
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
    max: percentile(latencies, 1),
  };
}

const commands = { open, reset, received, result };
export type LatencyDriver = typeof commands;
serveDriver(commands);
