/** A message of a stream, read back. */
export interface StoredMessage {
  readonly subject: string;
  readonly seq: number;
  readonly timeMs: number;
  readonly data: Uint8Array;
  header(name: string): string | undefined;
}
