export { bucketOf, usageBucket, windowBuckets, type WindowBucket } from './buckets.ts';
export { hashKey, slotKey, usageKey } from './counter-key.ts';
export { periodAt, type Period, type PeriodKind } from './period.ts';
export {
  decodeGiveBacks,
  decodeGrants,
  decodeLeaseRequest,
  encodeGiveBacks,
  encodeGrants,
  encodeLeaseRequest,
  limitQueue,
  limitSubjects,
  LimitsProtocolError,
  type GiveBack,
  type Grant,
  type LeaseRequest,
  type PeriodWant,
  type Want,
  type WindowWant,
} from './protocol.ts';
export { readUsage, type Usage } from './usage.ts';
export { guardMs, slotAt, slotMs, slots, slotsUntil } from './window.ts';
