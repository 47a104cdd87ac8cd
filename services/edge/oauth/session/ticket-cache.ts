import { hash } from 'node:crypto';
import { SluiceError } from '@sluice/errors';
import { LRUCache } from 'lru-cache';
import { cannotCheck } from '../../credentials/bearer.ts';
import type { Logins } from './logins.ts';
import { openTicket, type Ticket } from './ticket.ts';

export interface TicketCacheOptions {
  readonly logins: Logins;
  /** Tickets kept at hand. */
  readonly most: number;
  /** For the log, each thing once in a while. */
  readonly complain: (about: string, detail: string, error: unknown) => void;
}

/** A key file may be replaced without a change of the document: cookies are opened again after so much time. */
const freshMs = 30_000;
/** Cookies that are being opened at one time; more are refused with 503 instead of being queued. */
const mostOpening = 1_000;

/** The tickets of cookies that were opened. By the cookies' hashes: nothing here could be sent as a cookie. */
export class TicketCache {
  readonly #options: TicketCacheOptions;
  readonly #opened: LRUCache<string, Ticket>;
  readonly #opening = new Map<string, Promise<Ticket | null>>();
  /** Rises when everything is forgotten: what was opened with the keys of before is not kept. */
  #age = 0;

  constructor(options: TicketCacheOptions) {
    this.#options = options;
    this.#opened = new LRUCache({ max: options.most, ttl: freshMs });
  }

  /**
   * The ticket of a cookie: at once where it is at hand, opened once however many ask. Null for a cookie that is no good.
   * Rejects with SluiceError `unavailable` where the keys cannot be read, or too many are being opened.
   */
  open(cookie: string): Ticket | Promise<Ticket | null> {
    const digest = hash('sha256', cookie, 'base64url');
    const known = this.#opened.get(digest);
    if (known) return known;
    const underWay = this.#opening.get(digest);
    if (underWay) return underWay;
    if (this.#opening.size >= mostOpening)
      return Promise.reject(cannotCheck('too many cookies are being opened'));
    const opening = this.#open(digest, cookie).finally(() => {
      if (this.#opening.get(digest) === opening) this.#opening.delete(digest);
    });
    this.#opening.set(digest, opening);
    return opening;
  }

  /** A cookie's key may have gone: each is opened again. */
  clear(): void {
    this.#age += 1;
    this.#opened.clear();
    this.#opening.clear();
  }

  async #open(digest: string, cookie: string): Promise<Ticket | null> {
    const { logins, complain } = this.#options;
    const age = this.#age;
    try {
      const ticket = await openTicket(cookie, logins);
      if (ticket && age === this.#age) this.#opened.set(digest, ticket);
      return ticket;
    } catch (error) {
      const cause = error instanceof SluiceError ? error.cause : error;
      complain('cookie_key', 'session cookies cannot be opened', cause);
      throw cannotCheck(error);
    }
  }
}
