import { SluiceError } from '@sluice/errors';

/**
 * Takes the configured parameter out of a query, so that nothing behind this line ever sees the token: it is in no log,
 * and in no message about a wrong parameter. Throws `bad_request` where it is there twice.
 */
export function takeQueryToken(
  query: string,
  name: string | undefined,
): { readonly query: string; readonly token: string | null } {
  if (name === undefined || !query.includes(name)) return { query, token: null };
  const parameters = new URLSearchParams(query);
  const [token = null, ...others] = parameters.getAll(name);
  if (token === null) return { query, token };
  if (others.length > 0) throw new SluiceError('bad_request', `The query has more than one ${name}.`);
  parameters.delete(name);
  return { query: parameters.toString(), token: token === '' ? null : token };
}
