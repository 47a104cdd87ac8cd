export { createLogger, recordWriter, type Logger } from './logger.ts';
export {
  Counter,
  createRegistry,
  Gauge,
  Histogram,
  latencyBuckets,
  readCounter,
  readGauge,
  Registry,
} from './metrics.ts';
export { startOpsServer, type OpsServer, type Readiness } from './ops-server.ts';
export { runService, type Lifecycle } from './run.ts';
export { childTrace, newRequestId, parseTraceparent, type TraceContext } from './trace.ts';
