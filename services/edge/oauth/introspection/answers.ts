import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Caller } from '../../caller.ts';
import type { IntrospectionEndpoint } from './endpoint.ts';

/** What one endpoint has said about a token. */
export interface Answer {
  readonly endpoint: IntrospectionEndpoint;
  readonly caller: Caller;
  /** Believed until then, milliseconds since the epoch: never past the token's own end. */
  readonly until: number;
  /** From then on it is asked again in the background while it is still believed. */
  readonly renewAt: number;
  /** Memory it takes, bytes, estimated. */
  readonly size: number;
}

/** Tokens that nobody knows are remembered apart, so that invented ones cannot push good ones out. */
const mostRefused = 10_000;

/** What is known about tokens, found by their SHA-256, bounded by number and by bytes. */
export class Answers {
  readonly #good: LRUCache<string, Answer>;
  /** When the refusal ends, milliseconds since the epoch. */
  readonly #refused = new LRUCache<string, number>({ max: mostRefused });

  constructor(most: number, mostBytes: number) {
    this.#good = new LRUCache({ max: most, maxSize: mostBytes, sizeCalculation: ({ size }) => size });
  }

  static key(token: string): string {
    return hash('sha256', token, 'base64url');
  }

  /** The answer that still counts, `refused`, or undefined: ask. */
  get(key: string): Answer | 'refused' | undefined {
    const now = Date.now();
    const answer = this.#good.get(key);
    if (answer !== undefined) {
      if (now < answer.until) return answer;
      this.#good.delete(key);
      return undefined;
    }
    const refusedUntil = this.#refused.get(key);
    if (refusedUntil === undefined) return undefined;
    if (now < refusedUntil) return 'refused';
    this.#refused.delete(key);
    return undefined;
  }

  accept(key: string, answer: Answer): void {
    this.#refused.delete(key);
    this.#good.set(key, answer);
  }

  refuse(key: string, until: number): void {
    this.#good.delete(key);
    if (until > Date.now()) this.#refused.set(key, until);
  }

  forget(key: string): void {
    this.#good.delete(key);
  }

  /** Somebody may know by now what nobody knew. */
  clearRefused(): void {
    this.#refused.clear();
  }

  clear(): void {
    this.#good.clear();
    this.#refused.clear();
  }

  /** Tokens known to be good and known to be bad. */
  get sizes(): { good: number; refused: number } {
    return { good: this.#good.size, refused: this.#refused.size };
  }
}
