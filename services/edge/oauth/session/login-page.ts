import type { FlatHeaders } from '@sluice/wire';
import type { Authenticator } from '../../credentials/authenticator.ts';
import type { Exchange } from '../../exchange.ts';
import type { Limits } from '../../limits/mod.ts';
import type { ConfiguredLogin } from './login.ts';
import type { Logins } from './logins.ts';
import type { Sessions } from './sessions.ts';

/** What the pages of a login work with. */
export interface LoginContext {
  readonly logins: Logins;
  readonly sessions: Sessions;
  readonly authenticator: Pick<Authenticator, 'identify'>;
  readonly limits: Pick<Limits, 'admit'>;
  readonly report: (detail: string, error?: unknown) => void;
}

/** One page: settles the exchange. Rejects with SluiceError, ProviderError, or {@link LoginFailed} around one of them. */
export type LoginPage = (exchange: Exchange, login: ConfiguredLogin, context: LoginContext) => Promise<void>;

/** A failure whose answer has header fields of its own: it takes a cookie away. */
export class LoginFailed extends Error {
  readonly headers: FlatHeaders;

  constructor(cause: unknown, headers: FlatHeaders) {
    super('the login failed', { cause });
    this.name = 'LoginFailed';
    this.headers = headers;
  }
}
