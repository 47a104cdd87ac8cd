import type { Caller } from '../caller.ts';
import type { Exchange } from '../exchange.ts';
import type { EdgeMetrics } from '../metrics.ts';

export interface RecordOptions {
  /** Takes the members of a JSON object as text (`recordWriter` of @sluice/telemetry). */
  readonly writeRecord: (members: string, message: string) => void;
  readonly metrics: Pick<EdgeMetrics, 'observe'>;
}

/** What nginx writes for a client that went away before its answer; no status of HTTP. */
export const clientGone = 499;
const longestPath = 512;

/**
 * One line and one observation per request, refused ones included. The query is left out: it is where people put
 * tokens. Times are milliseconds, sizes are bytes of the bodies.
 */
export function record(options: RecordOptions) {
  const { writeRecord, metrics } = options;
  return function record(exchange: Exchange): void {
    if (exchange.closed) void exchange.closed.then(() => write(exchange));
    else write(exchange);
  };

  function write(exchange: Exchange): void {
    const status = exchange.outlet.gone && !exchange.handedOver ? clientGone : exchange.status;
    const ms = performance.now() - exchange.startedAt;
    metrics.observe(exchange, status, ms);
    writeRecord(members(exchange, status, ms), 'request');
  }
}

/**
 * Written out, because a general serialiser costs more than the rest of this phase. Quoted as they are: what the parser
 * or a pattern has restricted to harmless characters (method, request id, trace, addresses, route ids, codes).
 */
function members(exchange: Exchange, status: number, ms: number): string {
  const { route, error, caller } = exchange;
  return (
    `"method":"${exchange.method}","route":"${route === null ? exchange.label : route.id}"` +
    `,"path":${loggedPath(exchange)},"status":${status},"duration_ms":${round(ms)}` +
    `,"bytes_in":${exchange.body.length},"bytes_out":${exchange.reply.length}` +
    `,"client":"${exchange.client}","request_id":"${exchange.requestId}"` +
    `,"trace_id":"${exchange.trace.slice(3, 35)}","backend_ms":${round(exchange.backendMs)}` +
    (caller === null ? '' : calledBy(caller)) +
    (error === null ? '' : `,"code":"${error.code}"`)
  );
}

/** Who called, and never by what token. Ids of consumers, keys and methods hold nothing that JSON would escape. */
function calledBy({ method, identity, consumer, key }: Caller): string {
  return (
    `,"auth":"${method}","subject":${JSON.stringify(identity.subject)}` +
    (consumer === null ? '' : `,"consumer":"${consumer}"`) +
    (key === null ? '' : `,"key":"${key}"`)
  );
}

/** JSON text. A path that was refused is logged as it came, without its query and cut to a bearable length. */
function loggedPath(exchange: Exchange): string {
  // A canonical path holds no character that JSON would escape.
  if (exchange.path !== '') return `"${exchange.path.slice(0, longestPath)}"`;
  // Of an absolute form only the path: what stands before it may hold a password.
  const target = exchange.target.replace(/^[a-z]+:\/\/[^/?#]*/i, '');
  const end = target.search(/[?#]/);
  return JSON.stringify((end === -1 ? target : target.slice(0, end)).slice(0, longestPath));
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}
