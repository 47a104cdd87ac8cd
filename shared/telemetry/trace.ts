import { randomFillSync } from 'node:crypto';

/** W3C Trace Context level 1, section 3.2: version 00 header `00-<trace id>-<parent id>-<flags>`. */
export interface TraceContext {
  readonly traceId: string;
  readonly parentId: string;
  readonly flags: string;
}

const traceparent = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;
const zeroTrace = '0'.repeat(32);
const zeroParent = '0'.repeat(16);

/** The context of a `traceparent` value, or undefined when it is absent or invalid (then a new trace starts, section 3.2.2.2). */
export function parseTraceparent(value: string | undefined): TraceContext | undefined {
  if (value === undefined) return undefined;
  const match = traceparent.exec(value);
  if (!match) return undefined;
  const [, traceId, parentId, flags] = match as unknown as [string, string, string, string];
  if (traceId === zeroTrace || parentId === zeroParent) return undefined;
  return { traceId, parentId, flags };
}

/** The value to send on: same trace, new parent id; a new unsampled trace where the caller sent none. */
export function childTrace(incoming: string | undefined): string {
  const context = parseTraceparent(incoming);
  if (context) return `00-${context.traceId}-${pooledHex(8)}-${context.flags}`;
  const ids = pooledHex(24);
  return `00-${ids.slice(0, 32)}-${ids.slice(32)}-00`;
}

/** 128 random bits, as 32 hexadecimal digits. */
export function newRequestId(): string {
  return pooledHex(16);
}

/** Random ids are cut from a pool: a call to the system's generator per request is measurable. */
const pool = Buffer.allocUnsafe(8192);
let used = pool.length;

function pooledHex(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += bytes;
  return pool.toString('hex', used - bytes, used);
}
