import { controlFields as names, type FlatHeaders } from '@sluice/wire';
import type { Caller } from '../caller.ts';

/**
 * The fields that the control API is shown: with the consumer and the key of the caller, which identities on the wire do
 * not hold, and without what a client has sent under those names.
 */
export function controlFields(fields: FlatHeaders, caller: Caller | null): FlatHeaders {
  const shown: string[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    if (name !== names.consumer && name !== names.key) shown.push(name, fields[i + 1] as string);
  }
  if (caller?.consumer != null) shown.push(names.consumer, caller.consumer);
  if (caller?.key != null) shown.push(names.key, caller.key);
  return shown;
}
