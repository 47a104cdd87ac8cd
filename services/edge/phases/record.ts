import type { Logger } from '@sluice/telemetry';
import type { Exchange } from '../exchange.ts';
import type { EdgeMetrics } from '../metrics.ts';

export interface RecordOptions {
  readonly logger: Pick<Logger, 'info'>;
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
  const { logger, metrics } = options;
  return function record(exchange: Exchange): void {
    if (exchange.closed) void exchange.closed.then(() => write(exchange));
    else write(exchange);
  };

  function write(exchange: Exchange): void {
    const status = exchange.outlet.gone && !exchange.handedOver ? clientGone : exchange.status;
    const ms = performance.now() - exchange.startedAt;
    metrics.observe(exchange, status, ms);
    logger.info(
      {
        method: exchange.method,
        route: exchange.route?.id ?? exchange.label,
        path: loggedPath(exchange),
        status,
        duration_ms: round(ms),
        bytes_in: exchange.body.length,
        bytes_out: exchange.reply.length,
        client: exchange.client,
        request_id: exchange.requestId,
        trace_id: exchange.trace.slice(3, 35),
        backend_ms: round(exchange.backendMs),
        code: exchange.error?.code,
      },
      'request',
    );
  }
}

/** A path that was refused is logged as it came, without its query and cut to a bearable length. */
function loggedPath(exchange: Exchange): string {
  if (exchange.path !== '') return exchange.path.slice(0, longestPath);
  // Of an absolute form only the path: what stands before it may hold a password.
  const target = exchange.target.replace(/^[a-z]+:\/\/[^/?#]*/i, '');
  const end = target.search(/[?#]/);
  return (end === -1 ? target : target.slice(0, end)).slice(0, longestPath);
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}
