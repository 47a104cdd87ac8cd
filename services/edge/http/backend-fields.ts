import type { FlatHeaders } from '@sluice/wire';
import type { Caller } from '../caller.ts';
import { apiKeyIn, bearerIn, isApiKey } from '../credentials/fields.ts';
import type { DocumentSource } from '../credentials/method-context.ts';
import type { RequestFields } from './request-fields.ts';

export interface BackendFieldsOptions {
  readonly documents: DocumentSource;
}

/**
 * The fields that backends are shown: what proved the caller stays at the edge, for whoever gets a credential can use
 * it. So do, on every route, credentials that are of use nowhere else: API keys and cookies of sessions. A backend that
 * checks tokens itself gets them on routes that are public here.
 */
export function backendFields({ documents }: BackendFieldsOptions) {
  let sessionCookies = cookiesOf(documents);
  documents.onChange(() => {
    sessionCookies = cookiesOf(documents);
  });
  return function backendFields(fields: RequestFields, caller: Caller | null): FlatHeaders {
    const { authorization, apiKey, cookie, endToEnd } = fields;
    const noToken = authorization !== null && (isToken(caller) || isApiKey(bearerIn(authorization)));
    const noKey = apiKey !== null && isApiKey(apiKeyIn(apiKey));
    const noCookies = cookie !== null && sessionCookies.some((name) => cookie.includes(name));
    if (!noToken && !noKey && !noCookies) return endToEnd;
    const left: string[] = [];
    for (let i = 0; i < endToEnd.length; i += 2) {
      const name = endToEnd[i] as string;
      if ((noToken && name === 'authorization') || (noKey && name === 'x-api-key')) continue;
      const value = endToEnd[i + 1] as string;
      const shown = noCookies && name === 'cookie' ? withoutCookies(value, sessionCookies) : value;
      if (shown !== '') left.push(name, shown);
    }
    return left;
  };
}

function isToken(caller: Caller | null): boolean {
  return caller !== null && (caller.method === 'jwt' || caller.method === 'oauth');
}

function cookiesOf({ current }: DocumentSource): string[] {
  return Object.values(current.logins).map((login) => login.cookie_name);
}

/** Without the cookies of these names, and those of logins under way (`<name>_login…`), with any prefix of RFC 6265bis. */
function withoutCookies(field: string, names: readonly string[]): string {
  return field
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => {
      const [bare = ''] = pair.replace(/^__(?:Host|Secure)-/i, '').split('=', 1);
      return !names.some((name) => bare === name || bare.startsWith(`${name}_login`));
    })
    .join('; ');
}
