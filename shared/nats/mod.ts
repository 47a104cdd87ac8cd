export type { Bus, BusHandler, BusHeaders, BusStatus, BusSubscription } from './bus.ts';
export { connectBus, type BusOptions } from './connect.ts';
export { BusError, isBusError, type BusErrorKind } from './errors.ts';
export { BusMessage } from './message.ts';
export type { BusReporter } from './nats-bus.ts';
export type { Bucket, BucketChange, BucketEntry, BucketSpec } from './bucket.ts';
export type { StoredAck, StoredMessage, StreamSpec, StreamState } from './streams.ts';
export type { Lease } from './lease.ts';
