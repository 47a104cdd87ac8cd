import { z } from '@sluice/config';
import { consumer, limit, quota, role } from './callers.ts';
import { introspection, issuer, login } from './credentials.ts';
import { byName, name } from './parts.ts';
import { auth, declaredRoute, routePolicy } from './route-policy.ts';
import { addresses, channelRule, cors, liveLimits, securityHeaders, serviceClaims } from './traffic.ts';

/** Which channels everybody may read while the document says nothing about channels: the market's own. */
const marketChannels = ['trades.>', 'ticker.>', 'candles.>', 'quotes.>'].map((match) => ({
  match,
  auth: 'public' as const,
}));

/**
 * The document that people write, `gateway.yaml`: everything about who may call what, and how often. Input is what they
 * write; output has every default filled in and durations in milliseconds. `check.ts` checks what one part says about
 * another.
 */
export const gatewaySchema = z
  .strictObject({
    $schema: z.string().max(1_000).optional().meta({
      description: 'Where editors find the schema of a JSON document; YAML has a comment for that.',
    }),
    version: z.literal(1).default(1).meta({ description: 'Version of this format.' }),
    defaults: z
      .strictObject({
        auth: auth
          .optional()
          .meta({ description: 'For routes that say nothing. Absent: such routes are closed.' }),
        limits: routePolicy.limits.meta({
          description: 'Names of `limits` that every call spends, but those of the control API.',
        }),
        cors: routePolicy.cors.meta({ description: 'Name of the `cors` policy of routes that name none.' }),
      })
      .default({})
      .meta({ description: 'What holds for every route.' }),
    routes: z
      .array(declaredRoute)
      .max(20_000)
      .default([])
      .meta({ description: 'Declared routes: a path and the subject that answers.' }),
    overrides: byName(
      z
        .string()
        .regex(
          /^[A-Za-z0-9_-]{1,64}(?:\.(?:[A-Za-z0-9_-]{1,64}|\*))*$/,
          'the id of an announced route, like orders.get or orders.*',
        ),
      z.strictObject(routePolicy),
      // Each with a `*` is compared with every announced route.
      2_000,
    )
      .default({})
      .meta({
        description:
          'What is said here about announced routes, by id, goes before what their service announces.',
      }),
    services: byName(z.union([name, z.literal('*')]), serviceClaims, 1_000)
      .default({ '*': { paths: ['/'] } })
      .meta({
        description:
          'What services may announce, by name; `*` is for those not named. `/admin/` is the gateway’s own in any case.',
      }),
    issuers: byName(name, issuer, 256).default({}).meta({ description: 'Who signs JSON Web Tokens.' }),
    introspection: byName(name, introspection, 256)
      .default({})
      .meta({ description: 'Who tells about opaque OAuth 2.0 tokens.' }),
    logins: byName(name, login, 256)
      .default({})
      .meta({ description: 'OpenID providers that browsers log in at.' }),
    roles: byName(name, role, 10_000).default({}).meta({
      description:
        'Roles by name. `admin` and `viewer` are there without being written: the admin API asks for them.',
    }),
    consumers: z.array(consumer).max(10_000).default([]).meta({
      description: 'API clients. Those made by the admin API are kept apart and are not listed here.',
    }),
    limits: byName(name, limit, 10_000).default({}).meta({
      description:
        'Rate limits by name; routes, `defaults` and consumers refer to them. `logins` bounds the paths below `/auth/`, and is there without being written: 300 calls a minute from one network.',
    }),
    quotas: byName(name, quota, 10_000)
      .default({})
      .meta({ description: 'Calls of one consumer in a calendar period, by name.' }),
    addresses: addresses
      .default({ lists: {}, deny: [] })
      .meta({ description: 'Lists, and who may connect at all.' }),
    cors: byName(name, cors, 1_000)
      .default({})
      .meta({ description: 'CORS policies by name; routes and `defaults` refer to them.' }),
    channels: z.array(channelRule).max(1_000).prefault(marketChannels).meta({
      description: 'Who may subscribe to what. The first rule that matches counts; without one nobody may.',
    }),
    live: liveLimits.prefault({}).meta({ description: 'Bounds of live connections, WebSocket and SSE.' }),
    security_headers: securityHeaders.default({}),
  })
  .meta({ id: 'gateway', title: 'Sluice gateway document' });

/** As people write it. */
export type GatewayInput = z.input<typeof gatewaySchema>;
/** Checked, defaults filled in, durations in milliseconds. */
export type GatewayDocument = z.output<typeof gatewaySchema>;
