/** Something that has to look at itself again when what it may do has changed. */
export interface Rechecked {
  /** Must not throw. */
  recheck(): void;
}

/** Milliseconds of one turn that a sweep may take: a change for everybody must not hold up everybody's events. */
const turnMs = 3;

/** Goes through connections that have to look at themselves again, a few a turn. */
export class Sweep {
  readonly #members: Iterable<Rechecked>;
  readonly #waiting = new Set<Rechecked>();
  #planned = false;

  constructor(members: Iterable<Rechecked>) {
    this.#members = members;
  }

  /** All of them, from a later turn on; those whose turn has not come since an earlier call, once. */
  begin(): void {
    for (const member of this.#members) this.#waiting.add(member);
    this.#plan();
  }

  /** One of them, in a later turn. */
  add(member: Rechecked): void {
    this.#waiting.add(member);
    this.#plan();
  }

  #plan(): void {
    if (this.#planned || this.#waiting.size === 0) return;
    this.#planned = true;
    setImmediate(() => this.#continue());
  }

  #continue(): void {
    this.#planned = false;
    const until = performance.now() + turnMs;
    for (const member of this.#waiting) {
      this.#waiting.delete(member);
      member.recheck();
      if (performance.now() >= until) break;
    }
    this.#plan();
  }
}
