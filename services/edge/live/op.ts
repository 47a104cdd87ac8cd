import { z } from '@sluice/config';
import { SluiceError } from '@sluice/errors';
import { patternRule, isChannel, isPattern } from '@sluice/live';

/** What tells a client which of its operations an answer belongs to. */
export type OpId = string | number | null;

const idRule = 'expected an integer of at most 2^53 - 1 either way, or text of up to 64 characters';
/** Beyond 2^53 a number would come back as another one, and its answer be nobody's. */
const id = z.union([z.string().max(64), z.number().refine(Number.isSafeInteger, idRule)], { error: idRule });
const name = z
  .string()
  .refine((text) => isChannel(text) || isPattern(text), { error: `expected ${patternRule}` });
const names = z.array(name).min(1).max(1_000);

/** RFC 6750 section 2.1; what of it is wrong is never repeated to anybody. */
const token = z
  .string()
  .regex(/^[A-Za-z0-9._~+/-]{1,16384}=*$/, { error: 'expected a token as it would stand behind "Bearer"' });

const position = z.object({
  epoch: z.string().max(32),
  seq: z.int().min(0),
});

/** Where a client was on each channel when it lost its connection. */
export type Resume = Readonly<Record<string, z.infer<typeof position>>>;

const opSchema = z.discriminatedUnion(
  'op',
  [
    z.object({
      op: z.literal('subscribe'),
      id,
      channels: names,
      resume: z.record(z.string().max(200), position).optional(),
      history: z.int().min(1).optional(),
    }),
    z.object({ op: z.literal('unsubscribe'), id, channels: names }),
    z.object({ op: z.literal('ping'), id }),
    z.object({ op: z.literal('auth'), id, token }),
    z.object({
      op: z.literal('call'),
      id,
      method: z
        .string()
        .regex(/^[A-Za-z]{1,16}$/)
        .default('GET'),
      path: z.string().startsWith('/').max(8_192),
      headers: z
        .record(
          z.string().regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/),
          z.string().regex(/^[\t\x20-\x7e\x80-\xff]*$/),
        )
        .optional(),
      body: z.unknown().optional(),
      encoding: z.enum(['text', 'base64']).optional(),
    }),
  ],
  { error: 'expected one of subscribe, unsubscribe, auth, call, ping' },
);

export type Op = z.infer<typeof opSchema>;
export type CallOp = Extract<Op, { op: 'call' }>;

/** Checks what a client sent. Throws a `bad_request` that names every wrong member. */
export function parseOp(value: unknown): Op {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new SluiceError('bad_request', 'A message is an object with the members "id" and "op".');
  const parsed = opSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) =>
    path.length === 0 ? message : `${path.join('.')}: ${message}`,
  );
  throw new SluiceError('bad_request', faults.join('; '));
}

/** The id of a message that may be wrong in every other way. */
export function idOf(value: unknown): OpId {
  const candidate = typeof value === 'object' && value !== null ? (value as { id?: unknown }).id : undefined;
  const parsed = id.safeParse(candidate);
  return parsed.success ? parsed.data : null;
}
