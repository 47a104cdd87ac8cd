/** Below this a piece is copied; above it a reference costs less. */
const smallPiece = 4_096;
const blockSize = 16 * 1024;
const noBytes = new Uint8Array(0);

/**
 * Bytes as they arrive. A body that comes in one piece is given as it is, without a copy; small pieces are gathered in
 * blocks: a client that sends a megabyte in chunks of one byte would otherwise have a million objects made for it, a
 * hundred times the memory of what it sends.
 */
export class Pieces {
  readonly #whole: Uint8Array[] = [];
  #length = 0;
  #block: Buffer | null = null;
  #used = 0;

  get length(): number {
    return this.#length;
  }

  /** Objects that are held. */
  get count(): number {
    return this.#whole.length + (this.#block === null ? 0 : 1);
  }

  add(piece: Uint8Array): void {
    const first = this.#length === 0;
    this.#length += piece.length;
    if (first || piece.length >= smallPiece) {
      this.#close();
      this.#whole.push(piece);
      return;
    }
    if (this.#block !== null && this.#used + piece.length > blockSize) this.#close();
    this.#block ??= Buffer.allocUnsafe(blockSize);
    this.#block.set(piece, this.#used);
    this.#used += piece.length;
  }

  /** Everything, in order. */
  bytes(): Uint8Array {
    this.#close();
    const [first = noBytes] = this.#whole;
    return this.#whole.length > 1 ? Buffer.concat(this.#whole, this.#length) : first;
  }

  #close(): void {
    if (this.#block === null) return;
    this.#whole.push(this.#block.subarray(0, this.#used));
    this.#block = null;
    this.#used = 0;
  }
}
