import type { GatewayDocument } from '../document/gateway.ts';
import type { ChannelRule } from '../document/traffic.ts';
import { isAddressOrBlock } from './addresses.ts';
import { addressHint, type References } from './references.ts';

/** Entries of a list between two stops, for whoever serves requests meanwhile. */
const entriesPerStep = 5_000;

/** Addresses, CORS, channels, claims of services and header fields of answers. */
export function* checkTraffic(document: GatewayDocument, references: References): Generator<void> {
  yield* checkAddresses(document, references);
  for (const [name, cors] of Object.entries(document.cors))
    for (const [index, origin] of cors.origins.entries())
      if (cors.credentials && (origin === '*' || origin === 'null'))
        references.fault(
          ['cors', name, 'origins', index],
          `"${origin}" cannot be together with credentials`,
          'any page could then act in the name of whoever looks at it; list the origins',
        );
  const matches = new Map<string, number>();
  for (const [index, rule] of document.channels.entries()) {
    checkChannel(rule, references, ['channels', index]);
    const earlier = matches.get(rule.match);
    if (earlier === undefined) matches.set(rule.match, index);
    else
      references.fault(
        ['channels', index, 'match'],
        `"${rule.match}" is already channels[${earlier}]`,
        'the first rule that matches counts, so this one never does',
      );
  }
  for (const [name, value] of Object.entries(document.security_headers))
    if (typeof value === 'string' && !/^[\t\x20-\x7e]*$/.test(value))
      references.fault(['security_headers', name], 'has characters that header fields cannot hold');
}

function* checkAddresses({ addresses }: GatewayDocument, references: References): Generator<void> {
  references.addressRules(addresses, ['addresses']);
  for (const [name, list] of Object.entries(addresses.lists)) {
    if (!Array.isArray(list)) continue;
    for (const [index, entry] of list.entries()) {
      if (index % entriesPerStep === 0) yield;
      if (!isAddressOrBlock(entry))
        references.fault(
          ['addresses', 'lists', name, index],
          `"${entry}" is no address and no CIDR block`,
          addressHint,
        );
    }
  }
}

function checkChannel(rule: ChannelRule, references: References, path: readonly (string | number)[]): void {
  references.names('roles', rule.roles, [...path, 'roles']);
  references.demands(rule, path);
  if (rule.auth === 'public' && /\{(?:subject|consumer|tenant)\}/.test(rule.match))
    references.fault(
      [...path, 'auth'],
      'is public, yet the channel names the caller',
      'name the credentials that are taken, like [jwt, session]',
    );
}
