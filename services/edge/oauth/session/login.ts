import { SluiceError } from '@sluice/errors';
import type { Login } from '@sluice/policy';
import { Secret } from '../secret.ts';
import { cookieName, cookieValue } from './cookies.ts';
import { Provider } from './provider.ts';
import { parseSealKeys, type SealKey } from './seal.ts';

/** A browser may be in the middle of so many logins at once, each in a tab of its own. */
export const attemptSlots = 4;

/** One login of the document, ready for use. A change of its settings makes another one. */
export class ConfiguredLogin {
  readonly name: string;
  readonly settings: Login;
  readonly provider: Provider;
  /** The gateway as pages know it: scheme, host and port. */
  readonly origin: string;
  /** Whether cookies travel over TLS only. */
  readonly secure: boolean;
  /** Name of the session cookie, prefix included. */
  readonly cookie: string;
  readonly redirectUri: string;
  readonly #base: string;
  readonly #secret: Secret;
  #keys: { readonly text: string; readonly keys: readonly SealKey[] } | null = null;

  constructor(name: string, settings: Login) {
    this.name = name;
    this.settings = settings;
    this.provider = new Provider(settings);
    const url = new URL(settings.public_url);
    this.origin = url.origin;
    this.#base = url.origin + url.pathname.replace(/\/+$/, '');
    this.secure = this.origin.startsWith('https:');
    this.cookie = cookieName(settings.cookie_name, this.secure);
    this.redirectUri = `${this.#base}/auth/${name}/callback`;
    this.#secret = new Secret(settings.cookie_key);
  }

  /** The first one seals, each of them opens. Rejects with SluiceError `unavailable`; its cause names the secret's place. */
  async keys(): Promise<readonly SealKey[]> {
    try {
      const text = await this.#secret.read();
      if (this.#keys?.text !== text) this.#keys = { text, keys: parseSealKeys(text) };
      return this.#keys.keys;
    } catch (cause) {
      throw new SluiceError('unavailable', 'This login cannot be used at the moment.', { cause });
    }
  }

  /** Of a `Cookie` field, only this login's session. */
  ownCookie(field: string | null): string | null {
    const value = cookieValue(field, this.cookie);
    return value === null ? null : `${this.cookie}=${value}`;
  }

  /** Cookie that holds a login under way. The slot is part of the state that the provider gives back. */
  attemptCookie(slot: number): string {
    return cookieName(`${this.settings.cookie_name}_login${slot}`, this.secure);
  }

  /** Full address of a path of this gateway, for the provider. */
  address(path: string): string {
    return this.#base + path;
  }
}
