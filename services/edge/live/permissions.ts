import { SluiceError } from '@sluice/errors';
import { covers, isChannelToken, isPattern, overlaps } from '@sluice/live';
import type { ChannelRule } from '@sluice/policy';
import type { Caller } from '../caller.ts';

/** Why somebody may not subscribe: credentials might help, or they would not. */
export type Refusal = 'unauthorized' | 'forbidden';

/** The channel rules of a gateway document. */
export interface ChannelPermissions {
  /** Why this caller (null: nobody has said who it is) may not subscribe to a channel or pattern; null where it may. */
  refusal(name: string, caller: Caller | null): Refusal | null;
}

interface CompiledRule extends ChannelRule {
  /** `match` where every placeholder is `*`: the channels of all callers together. */
  readonly everybodys: string;
  /** The channels of one caller; null where its own name cannot stand in a channel. */
  readonly of: (caller: Caller | null) => string | null;
}

/** What a placeholder stands for. */
const own: Readonly<Record<string, (caller: Caller) => string | null | undefined>> = {
  '{subject}': (caller) => caller.identity.subject,
  '{consumer}': (caller) => caller.consumer,
  '{tenant}': (caller) => caller.identity.tenant,
};

/**
 * Compiles channel rules. The first rule that matches a channel decides, and without one the answer is no. A pattern is
 * allowed where that holds for every channel it could ever match: it lies inside one rule, and no rule before that one
 * keeps a part of it back.
 */
export function channelPermissions(rules: readonly ChannelRule[]): ChannelPermissions {
  const byNamespace = new Map<string, CompiledRule[]>();
  /** Rules whose first token is no literal: they can match in any namespace. */
  const anywhere: CompiledRule[] = [];
  for (const rule of rules) {
    const compiled = compile(rule);
    const [namespace = ''] = compiled.everybodys.split('.');
    if (namespace === '*' || namespace === '>') {
      for (const list of byNamespace.values()) list.push(compiled);
      anywhere.push(compiled);
    } else {
      const list = byNamespace.get(namespace);
      if (list) list.push(compiled);
      else byNamespace.set(namespace, [...anywhere, compiled]);
    }
  }
  return {
    refusal(name, caller) {
      // The first token of a pattern is a literal too.
      const candidates = byNamespace.get(name.slice(0, name.indexOf('.'))) ?? anywhere;
      return decide(candidates, name, caller);
    },
  };
}

function decide(rules: readonly CompiledRule[], name: string, caller: Caller | null): Refusal | null {
  const wild = isPattern(name);
  let perhapsWithCredentials = false;
  for (const rule of rules) {
    const match = rule.of(caller);
    if (match === null) {
      perhapsWithCredentials ||= caller === null && overlaps(rule.everybodys, name);
      continue;
    }
    if (!overlaps(match, name)) continue;
    if (wild && !rule.wildcards) return 'forbidden';
    if (!admits(rule, caller)) return caller === null ? 'unauthorized' : 'forbidden';
    if (covers(match, name)) return null;
  }
  return perhapsWithCredentials ? 'unauthorized' : 'forbidden';
}

function admits({ auth, roles, scopes }: ChannelRule, caller: Caller | null): boolean {
  if (auth === 'public') return true;
  if (caller === null || !auth.includes(caller.method)) return false;
  const { identity } = caller;
  return (
    (roles.length === 0 || roles.some((role) => identity.roles.includes(role))) &&
    scopes.every((scope) => identity.scopes.includes(scope))
  );
}

function compile(rule: ChannelRule): CompiledRule {
  const tokens = rule.match.split('.');
  const isOwn = (token: string): boolean => Object.hasOwn(own, token);
  const everybodys = tokens.map((token) => (isOwn(token) ? '*' : token)).join('.');
  if (!tokens.some(isOwn)) return { ...rule, everybodys, of: () => rule.match };
  return {
    ...rule,
    everybodys,
    of: (caller) => {
      if (caller === null) return null;
      const filled = tokens.map((token) => (isOwn(token) ? (own[token]?.(caller) ?? '') : token));
      // A name with a dot or a wildcard in it would reach into the channels of others: it has none of its own.
      const whole = tokens.every((token, i) => !isOwn(token) || isChannelToken(filled[i] as string));
      return whole ? filled.join('.') : null;
    },
  };
}

/** A subscribe that was refused, with the reason for every channel that was. */
export class ChannelsRefused extends SluiceError {
  readonly channels: Readonly<Record<string, Refusal>>;

  constructor(channels: Readonly<Record<string, Refusal>>, headers?: Readonly<Record<string, string>>) {
    const names = Object.keys(channels);
    const code = Object.values(channels).includes('unauthorized') ? 'unauthorized' : 'forbidden';
    const those = names.filter((name) => channels[name] === code);
    const what = those.length === 1 ? String(those[0]) : `${those[0]} and ${those.length - 1} more`;
    super(
      code,
      code === 'unauthorized' ? `Not without credentials: ${what}.` : `Not yours to read: ${what}.`,
      headers ? { headers } : {},
    );
    this.channels = channels;
  }
}
