import { z } from '@sluice/config';
import { byName, duration, name, scope } from './parts.ts';
import { addressRules, auth } from './route-policy.ts';

/** Entries of one address list; edges look addresses up in a time that hardly depends on it. */
export const mostListEntries = 100_000;
export const listEntry = z.string().min(1).max(64);

export const addresses = z.strictObject({
  lists: byName(
    name,
    z.union([
      z.array(listEntry).max(mostListEntries),
      z.strictObject({
        file: z.string().min(1).max(1_024).meta({
          description: 'One address or CIDR block a line, `#` begins a comment; relative to the document.',
        }),
      }),
    ]),
    1_000,
  )
    .default({})
    .meta({
      description:
        'Named lists of addresses and CIDR blocks: here, or a file with one a line that is read when the document is applied.',
    }),
  ...addressRules.shape,
});

const origin = z
  .string()
  .regex(
    /^(?:\*|null|https?:\/\/(?:\*\.)?[a-z0-9.-]+(?::\d{1,5})?)$/,
    'an origin like https://app.example.com, https://*.example.com, or *',
  );

export const cors = z.strictObject({
  origins: z.array(origin).min(1).max(256).meta({
    description: 'Pages that may call: origins, `https://*.example.com` for every host below, or `*`.',
  }),
  methods: z
    .array(z.string().regex(/^[A-Z]{1,20}$/, 'a method in capital letters'))
    .max(16)
    .optional()
    .meta({ description: 'Default: the methods that the path has.' }),
  headers: z
    .array(z.string().regex(/^[A-Za-z0-9-]{1,64}$/, 'a header field name'))
    .max(64)
    .default(['authorization', 'content-type', 'x-api-key', 'x-request-id'])
    .meta({ description: 'Request header fields that pages may send.' }),
  expose: z
    .array(z.string().regex(/^[A-Za-z0-9-]{1,64}$/, 'a header field name'))
    .max(64)
    .default(['x-request-id', 'ratelimit', 'ratelimit-policy', 'retry-after'])
    .meta({ description: 'Response header fields that pages may read.' }),
  credentials: z
    .boolean()
    .default(false)
    .meta({ description: 'Whether pages may send cookies; never together with the origin `*`.' }),
  max_age: duration('0s', '1d')
    .prefault('10m')
    .meta({ description: 'How long browsers remember the answer to a preflight.' }),
});

/** Two to eight parts, as channels have; `>` alone is every channel. */
const channelMatch =
  /^(?=.{1,200}$)(?:>|(?:[A-Za-z0-9_-]+|\*|\{(?:subject|consumer|tenant)\})(?:\.(?:[A-Za-z0-9_-]+|\*|\{(?:subject|consumer|tenant)\})){0,6}\.(?:[A-Za-z0-9_-]+|\*|>|\{(?:subject|consumer|tenant)\}))$/;

/** Who may subscribe to the channels that a pattern matches. The first rule that matches counts. */
export const channelRule = z.strictObject({
  match: z
    .string()
    .regex(
      channelMatch,
      'a pattern of channels like orders.* or user.{subject}.>: two to eight parts, with `*`, `{subject}`, `{consumer}` or `{tenant}` as a whole part and `>` as the last',
    )
    .meta({
      description:
        'A channel, `*` for one part and `>` for the rest; `{subject}`, `{consumer}` and `{tenant}` stand for the caller’s own.',
    }),
  auth,
  roles: z.array(name).max(64).default([]).meta({ description: 'The caller needs one of these roles.' }),
  scopes: z.array(scope).max(64).default([]).meta({ description: 'The caller needs all of these scopes.' }),
  wildcards: z
    .boolean()
    .default(true)
    .meta({ description: 'Whether one may subscribe to many channels at once by a pattern.' }),
});

/** Bounds of live connections; each counts on one edge. */
export const liveLimits = z.strictObject({
  connections_per_address: z
    .int()
    .min(1)
    .optional()
    .meta({ description: 'Of one address, of IPv6 its /64. Default: what the edges are set to.' }),
  connections_per_consumer: z
    .int()
    .min(1)
    .default(1_000)
    .meta({ description: 'Of one consumer; a caller without one counts by its subject.' }),
  messages_per_second: z.int().min(1).optional().meta({
    description:
      'Messages that one connection may send on average; more close it with a reason. Default: what the edges are set to.',
  }),
  channels: z
    .int()
    .min(1)
    .optional()
    .meta({ description: 'Channels of one connection; default: what the edges are set to.' }),
  query_token: z
    .string()
    .regex(/^[a-z_]{1,32}$/, 'a parameter name made of small letters and "_"')
    .optional()
    .meta({
      description:
        'Name of a query parameter that may hold the token, for clients that cannot send a header. Off where absent.',
    }),
});

/** What a service may announce: path prefixes. */
export const serviceClaims = z.strictObject({
  paths: z
    .array(z.string().regex(/^\/[A-Za-z0-9/_.~-]*$/, 'a path prefix like /v1/orders'))
    .max(256)
    .meta({
      description: 'Path prefixes; `/v1/orders` is that path and everything below it, `/` everything.',
    }),
});

export const securityHeaders = byName(
  z.string().regex(/^[a-z0-9-]{1,64}$/, 'a header field name in lower case'),
  z.union([z.string().max(2_000), z.literal(false)]),
  64,
).meta({
  description:
    'Header fields that every answer gets where the backend has not set them; `false` takes one of the defaults out.',
});

export type Cors = z.output<typeof cors>;
export type ChannelRule = z.output<typeof channelRule>;
export type LiveLimits = z.output<typeof liveLimits>;
export type AddressRules = z.output<typeof addressRules>;
