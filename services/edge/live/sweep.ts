/** Something that has to look at itself again when the gateway document changed. */
export interface Rechecked {
  /** Must not throw. */
  recheck(): void;
}

/** Milliseconds of one turn that a sweep may take: a change of the document must not hold up everybody's events. */
const turnMs = 3;

/** Goes through all connections, a few a turn. */
export class Sweep {
  readonly #members: Iterable<Rechecked>;
  #running = false;
  #again = false;

  constructor(members: Iterable<Rechecked>) {
    this.#members = members;
  }

  /** Begins in a later turn. While one is under way, another one follows it. */
  begin(): void {
    this.#again = true;
    if (this.#running) return;
    this.#running = true;
    setImmediate(() => this.#start());
  }

  #start(): void {
    this.#again = false;
    this.#continue([...this.#members], 0);
  }

  #continue(members: readonly Rechecked[], from: number): void {
    const until = performance.now() + turnMs;
    let at = from;
    while (at < members.length && performance.now() < until) members[at++]?.recheck();
    if (at < members.length) setImmediate(() => this.#continue(members, at));
    else if (this.#again) setImmediate(() => this.#start());
    else this.#running = false;
  }
}
