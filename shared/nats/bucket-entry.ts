/** A value of a KV bucket. */
export interface BucketEntry {
  readonly key: string;
  readonly value: Uint8Array;
  readonly revision: number;
}

/** One change as a watcher sees it; `value` is null for a deleted or expired key. */
export interface BucketChange {
  readonly key: string;
  readonly value: Uint8Array | null;
  readonly revision: number;
}

/** Whether a message says that its key is gone: deleted, purged or expired. */
export function isMarker(message: { header(name: string): string | undefined }): boolean {
  const operation = message.header('KV-Operation');
  return operation === 'DEL' || operation === 'PURGE' || message.header('Nats-Marker-Reason') !== undefined;
}
