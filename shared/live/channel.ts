/**
 * Channel names. A channel is two to eight tokens of letters, digits, `_` and `-`, joined by dots: always a valid part of
 * a NATS subject and never a wildcard. A pattern may hold `*` (one token) and end in `>` (the rest, at least one token),
 * but its first token is literal, because that token decides the policy.
 */

const channelPattern = /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+){1,7}$/;
const wildcardPattern = /^[A-Za-z0-9_-]+(?:\.(?:[A-Za-z0-9_-]+|\*)){0,6}\.(?:[A-Za-z0-9_-]+|\*|>)$/;
const tokenPattern = /^[A-Za-z0-9_-]+$/;
const maxLength = 200;

/** The grammar in words, for error messages. */
export const channelRule =
  'two to eight tokens of A–Z, a–z, 0–9, "_" and "-", joined by dots, at most 200 characters';
export const patternRule = `${channelRule}; a pattern may hold "*" after its first token and end in ">"`;

/** Services publish channel events to `live.in.<channel>`. */
const inPrefix = 'live.in.';
/** The stream publishes what it stored to `live.out.<channel>`. */
const outPrefix = 'live.out.';

export function isChannel(text: string): boolean {
  return text.length <= maxLength && channelPattern.test(text);
}

/** A name with at least one wildcard in a place where it may be. */
export function isPattern(text: string): boolean {
  return text.length <= maxLength && !channelPattern.test(text) && wildcardPattern.test(text);
}

/** One token of a channel: what a caller's own name has to be to stand in one. */
export function isChannelToken(text: string): boolean {
  return text.length <= maxLength && tokenPattern.test(text);
}

/** Where an event of the channel is published to; also takes patterns, for reading the stream. */
export function publishSubject(channel: string): string {
  return inPrefix + channel;
}

/** Where stored events of a channel or pattern arrive. */
export function updateSubject(channel: string): string {
  return outPrefix + channel;
}

/** The channel of a `live.in.…` or `live.out.…` subject, or undefined when it is no channel's. */
export function channelOf(subject: string): string | undefined {
  const prefix = subject.startsWith(inPrefix) ? inPrefix : outPrefix;
  if (!subject.startsWith(prefix)) return undefined;
  const channel = subject.slice(prefix.length);
  return isChannel(channel) ? channel : undefined;
}

/** Whether a channel belongs to a pattern; a channel without wildcards matches itself only. */
export function matchesPattern(pattern: string, channel: string): boolean {
  return overlaps(pattern, channel);
}

/** Whether some channel could match both names. Each may be a channel or a pattern. */
export function overlaps(a: string, b: string): boolean {
  const left = a.split('.');
  const right = b.split('.');
  for (let i = 0; i < left.length && i < right.length; i++) {
    const l = left[i];
    const r = right[i];
    if (l === '>' || r === '>') return true;
    if (l !== '*' && r !== '*' && l !== r) return false;
  }
  return left.length === right.length;
}

/** Whether every channel that matches `inner` matches `outer` too. Each may be a channel or a pattern. */
export function covers(outer: string, inner: string): boolean {
  const wide = outer.split('.');
  const narrow = inner.split('.');
  for (let i = 0; i < wide.length && i < narrow.length; i++) {
    const w = wide[i];
    const n = narrow[i];
    if (w === '>') return true;
    if (n === '>' || (w !== '*' && w !== n)) return false;
  }
  return wide.length === narrow.length;
}
