import type { GatewayDocument } from '@sluice/policy';
import type { DocumentSource } from '../../credentials/method-context.ts';
import { cookieValue } from './cookies.ts';
import { ConfiguredLogin } from './login.ts';

/** The logins of the document by name. One that has not changed stays, with what it knows of its provider. */
export class Logins {
  readonly #stopFollowing: () => void;
  #logins: ReadonlyMap<string, ConfiguredLogin> = new Map();
  #cookies: readonly string[] = [];

  constructor(document: DocumentSource) {
    this.#configure(document.current);
    this.#stopFollowing = document.onChange((changed) => this.#configure(changed));
  }

  get(name: string): ConfiguredLogin | undefined {
    return this.#logins.get(name);
  }

  all(): Iterable<ConfiguredLogin> {
    return this.#logins.values();
  }

  /** The session cookie of any login; null where none was sent. */
  sessionCookie(field: string | null): string | null {
    if (field === null) return null;
    for (const name of this.#cookies) {
      const value = cookieValue(field, name);
      if (value !== null) return value;
    }
    return null;
  }

  stop(): void {
    this.#stopFollowing();
  }

  #configure({ logins }: GatewayDocument): void {
    const next = new Map<string, ConfiguredLogin>();
    for (const [name, settings] of Object.entries(logins)) {
      const known = this.#logins.get(name);
      const same = known && JSON.stringify(known.settings) === JSON.stringify(settings);
      next.set(name, same ? known : new ConfiguredLogin(name, settings));
    }
    this.#logins = next;
    this.#cookies = [...new Set([...next.values()].map(({ cookie }) => cookie))];
  }
}
