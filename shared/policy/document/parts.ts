import { z } from '@sluice/config';
import * as facts from '../facts.ts';

/** Wraps a fact's grammar as a zod transform, so that its sentence becomes the issue's. */
export function fact<In, Out>(input: z.ZodType<In, In>, check: (value: In) => Out) {
  return input.transform((value, context) => {
    try {
      return check(value);
    } catch (error) {
      if (!(error instanceof facts.FactError)) throw error;
      context.addIssue({ code: 'custom', message: error.message });
      return z.NEVER;
    }
  });
}

/** Names of policies, lists, consumers and roles. */
export const name = z
  .string()
  .regex(facts.namePattern, 'a name is made of letters, digits, "_" and "-", at most 64 of them');

/** Scopes as OAuth 2.0 has them (RFC 6749 section 3.3), without the characters that make headers ambiguous. */
export const scope = z
  .string()
  .regex(facts.scopePattern, 'a scope is made of letters, digits and ". _ : / -", at most 128 of them');

/**
 * Members by name, at most so many: whoever follows the document does work for each of them, so even a document that was
 * made by a program that went wrong has an end. The bound is looked at whatever the members are.
 */
export function byName<Key extends z.core.$ZodRecordKey, Value extends z.ZodType>(
  key: Key,
  value: Value,
  most: number,
) {
  const count = (members: unknown): number => Object.keys(members as object).length;
  return z
    .record(key, value)
    .refine((members) => count(members) <= most, {
      when: ({ value }) => typeof value === 'object' && value !== null && !Array.isArray(value),
      error: ({ input }) =>
        `must have at most ${most.toLocaleString('en')} entries, not ${count(input).toLocaleString('en')}`,
    })
    .meta({ maxProperties: most });
}

const units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A text like `90s`, `15m` or `1d`; gives whole milliseconds between the bounds. */
export function duration(least: string, most: string) {
  const [from, to] = [milliseconds(least), milliseconds(most)];
  // For editors; the sentence below says more than a pattern that does not match.
  const text = z.string().meta({ pattern: '^\\s*\\d{1,9}(?:ms|s|m|h|d)\\s*$', examples: [least, most] });
  return text.transform((text, context) => {
    const ms = milliseconds(text);
    if (ms >= from && ms <= to) return ms;
    context.addIssue({
      code: 'custom',
      message: `"${text.slice(0, 40)}" is not a time between "${least}" and "${most}"`,
    });
    return z.NEVER;
  });
}

/** NaN for a text that is no duration. */
function milliseconds(text: string): number {
  const match = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text.trim());
  return match ? Number(match[1]) * units[match[2] as keyof typeof units] : Number.NaN;
}

/** Where a secret is: the document never holds one. Read by the process that needs it. */
export const secret = z
  .union([
    z.strictObject({
      env: z
        .string()
        .regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'the name of an environment variable')
        .meta({ description: 'Environment variable of the process that needs the secret.' }),
    }),
    z.strictObject({
      file: z.string().min(1).max(1_024).meta({
        description:
          'File that holds the secret, where the process that needs it runs; one newline at its end does not count.',
      }),
    }),
  ])
  .meta({ description: 'A reference to a secret: `{env: NAME}` or `{file: PATH}`, read by the edges.' });

export type SecretReference = z.output<typeof secret>;

/** An https address; http only for loopback, where nobody can listen in. */
export const webAddress = z
  .string()
  .max(2_048)
  .transform((text, context) => {
    const url = URL.canParse(text) ? new URL(text) : null;
    const loopback = url !== null && ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname);
    if (url && (url.protocol === 'https:' || (url.protocol === 'http:' && loopback)) && url.username === '')
      return text;
    context.addIssue({
      code: 'custom',
      // Before an @ stands a password, and faults are printed where many read them.
      message: `${text.includes('@') ? 'this' : `"${text.slice(0, 80)}"`} is not an https:// address without user and password (http:// only for loopback)`,
    });
    return z.NEVER;
  });
