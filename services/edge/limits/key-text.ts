import { hashKey } from '@sluice/limits';
import type { Limit } from '@sluice/policy';
import { headerValue } from '@sluice/wire';
import type { Exchange } from '../exchange.ts';

/** What a limit may count by. */
export type LimitSubject = Pick<Exchange, 'client' | 'caller' | 'route' | 'fields'>;

/** Gives the text that a call is counted under. Calls that are counted together have the same one. */
export type KeyText = (subject: LimitSubject) => string;

/** Clients choose headers and claims: texts beyond this are kept as a hash. */
const longestText = 64;

/**
 * Compiles the parts of a limit's key. Each value has a letter in front that says what it is, so that a consumer cannot
 * be named like somebody's address; several are joined with their lengths, so that no value reaches into the next.
 */
export function keyText(parts: Limit['key']): KeyText {
  const compiled = parts.map(compilePart);
  const [only] = compiled;
  if (only !== undefined && compiled.length === 1) return only;
  return (subject) => {
    let text = '';
    for (const part of compiled) {
      const value = part(subject);
      text += `${value.length}:${value}`;
    }
    return text;
  };
}

function compilePart(part: string): KeyText {
  switch (part) {
    case 'address':
      return byAddress;
    case 'network':
      return ({ client }) => `n${networkOf(client)}`;
    case 'consumer':
      return (subject) => (subject.caller?.consumer ? `c${subject.caller.consumer}` : byAddress(subject));
    case 'key':
      return (subject) => (subject.caller?.key ? `k${subject.caller.key}` : byAddress(subject));
    case 'subject':
      // Two issuers may call two people the same.
      return (subject) =>
        subject.caller
          ? `s${subject.caller.source ?? ''}/${bounded(subject.caller.identity.subject)}`
          : byAddress(subject);
    case 'tenant':
      return (subject) =>
        subject.caller?.identity.tenant ? `t${bounded(subject.caller.identity.tenant)}` : byAddress(subject);
    case 'route':
      return ({ route }) => `r${route?.id ?? ''}`;
    default:
      return part.startsWith('header:') ? byHeader(part.slice(7).toLowerCase()) : byClaim(part.slice(6));
  }
}

function byAddress({ client }: LimitSubject): string {
  return `a${plainAddress(client)}`;
}

/** Calls without the field are counted together. */
function byHeader(name: string): KeyText {
  return ({ fields }) => `h${bounded(headerValue(fields.endToEnd, name) ?? '')}`;
}

/** `realm.org`: a claim, or a member of one. Calls without it are counted together. */
function byClaim(path: string): KeyText {
  const names = path.split('.');
  return ({ caller }) => {
    let value: unknown = caller?.claims;
    for (const name of names) {
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return 'j';
      value = (value as Record<string, unknown>)[name];
    }
    return `j${bounded(JSON.stringify(value) ?? '')}`;
  };
}

/** The hash has a length and a letter that no text up to {@link longestText} has after the part's own. */
function bounded(text: string): string {
  return text.length <= longestText ? `=${text}` : `#${hashKey(text)}`;
}

const mapped = /^::ffff:(?=\d+\.)/i;

/** An IPv4 client is the same one when it comes to a socket that speaks IPv6. */
function plainAddress(address: string): string {
  return mapped.test(address) ? address.slice(7) : address;
}

/**
 * The network that one subscriber has, because whoever has an IPv6 address has 2^64 of them: of IPv6 the first 64 bits,
 * of IPv4 the address.
 */
export function networkOf(address: string): string {
  const plain = plainAddress(address);
  if (!plain.includes(':')) return plain;
  const [head = '', tail] = (plain.split('%')[0] as string).split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const behind = tail === '' ? [] : tail.split(':');
    // A dotted end stands for two groups.
    const width = behind.length + (behind.at(-1)?.includes('.') === true ? 1 : 0);
    while (groups.length < 8 - width) groups.push('0');
    groups.push(...behind);
  }
  return groups
    .slice(0, 4)
    .map((group) => group.toLowerCase().replace(/^0+(?=.)/, ''))
    .join(':');
}
