import type { Identity } from './envelope.ts';
import { WireError } from './error.ts';
import type { MsgpackReader } from './msgpack-reader.ts';
import { once } from './parts.ts';

const mostGrants = 1024;

/** Who calls: subject and kind are required, the rest may be absent. Throws {@link WireError}. */
export function decodeIdentity(reader: MsgpackReader): Identity {
  let subject: string | undefined;
  let kind: string | undefined;
  let roles: readonly string[] | undefined;
  let scopes: readonly string[] | undefined;
  let tenant: string | null | undefined;
  for (let left = reader.mapSize(); left > 0; left--) {
    switch (reader.text()) {
      case 'subject':
        subject = once('subject', subject, reader.text());
        break;
      case 'kind':
        kind = once('kind', kind, reader.text());
        break;
      case 'roles':
        roles = once('roles', roles, textList(reader));
        break;
      case 'scopes':
        scopes = once('scopes', scopes, textList(reader));
        break;
      case 'tenant':
        tenant = once('tenant', tenant, reader.nil() ? null : reader.text());
        break;
      default:
        reader.skip();
    }
  }
  if (subject === undefined || kind === undefined) throw new WireError('the identity lacks subject or kind');
  return { subject, kind, roles: roles ?? [], scopes: scopes ?? [], tenant: tenant ?? null };
}

function textList(reader: MsgpackReader): string[] {
  const size = reader.arraySize();
  if (size > mostGrants) throw new WireError(`more than ${mostGrants} roles or scopes`);
  const list: string[] = [];
  for (let i = 0; i < size; i++) list.push(reader.text());
  return list;
}
