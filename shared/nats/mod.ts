export type {
  Bus,
  BusEvent,
  BusHandler,
  BusHeaders,
  BusReporter,
  BusStatus,
  BusSubscription,
} from './bus.ts';
export {
  isWrongRevision,
  openBucket,
  type Bucket,
  type BucketPage,
  type BucketSpec,
  type WriteOptions,
} from './bucket.ts';
export type { BucketChange, BucketEntry } from './bucket-entry.ts';
export { connectBus, type BusOptions } from './connect.ts';
export { consumeBatches, type BatchHandler, type BatchOptions, type Consumption } from './consume.ts';
export { consumeOrdered } from './consume-ordered.ts';
export {
  countersOf,
  openCounters,
  type Count,
  type Counters,
  type CounterSpec,
  type ServerTime,
} from './counters.ts';
export type { ConsumedMessage } from './delivered.ts';
export { BusError, isBusError, type BusErrorKind } from './errors.ts';
export { holdLease, type Lease, type LeaseHandlers, type LeaseOptions } from './lease.ts';
export { BusMessage } from './message.ts';
export { lastMessage, lastMessages, publishStored, readFrom, type StoredAck } from './stored.ts';
export type { StoredMessage } from './stored-message.ts';
export { ensureStream, streamState, type StreamSpec, type StreamState } from './streams.ts';
export type { TailOptions } from './tail.ts';
