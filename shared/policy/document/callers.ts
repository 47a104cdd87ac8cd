import { z } from '@sluice/config';
import { duration, name, scope } from './parts.ts';

export const role = z.strictObject({
  description: z.string().max(500).optional().meta({ description: 'For people.' }),
  includes: z.array(name).max(64).default([]).meta({ description: 'Roles that who has this one has too.' }),
  scopes: z.array(scope).max(256).default([]).meta({ description: 'Scopes that come with the role.' }),
});

/** An API client. Its keys are made by the admin API or the command line, and are never in the document. */
export const consumer = z.strictObject({
  id: name.meta({ description: 'Unique; the subject of its API keys.' }),
  description: z.string().max(500).optional().meta({ description: 'For people.' }),
  tenant: z
    .string()
    .min(1)
    .max(128)
    .optional()
    .meta({ description: 'Whose calls these are, for backends and for limits by `tenant`.' }),
  roles: z.array(name).max(64).default([]).meta({ description: 'Roles that its keys give.' }),
  scopes: z
    .array(scope)
    .max(256)
    .default([])
    .meta({ description: 'Scopes that its keys give, besides those of its roles.' }),
  limits: z
    .array(name)
    .max(8)
    .default([])
    .meta({ description: 'Names of `limits` that every call of this consumer spends.' }),
  quotas: z
    .array(name)
    .max(8)
    .default([])
    .meta({ description: 'Names of `quotas` that every call of this consumer spends.' }),
  disabled: z.boolean().default(false).meta({ description: 'Refuses every key of it at once.' }),
});

/** One part of what a limit counts by. */
const limitKeyPart = z.union([
  z.enum(['address', 'network', 'consumer', 'key', 'subject', 'tenant', 'route']),
  z
    .string()
    .regex(
      /^(?:header|claim):[A-Za-z0-9_.-]{1,128}$/,
      'one of address, network, consumer, key, subject, tenant, route, header:<name>, claim:<path>',
    ),
]);

export const limit = z.strictObject({
  limit: z
    .int()
    .min(1)
    .max(1_000_000_000)
    .meta({ description: 'Calls (or their cost) that fit into any window.' }),
  window: duration('1s', '1d').meta({ description: 'Length of the window that slides over time.' }),
  burst: z
    .int()
    .min(1)
    .max(1_000_000_000)
    .optional()
    .meta({ description: 'Calls that fit into any one second; the window has to be longer than that.' }),
  key: z.array(limitKeyPart).min(1).max(6).default(['consumer']).meta({
    description:
      'What is counted together. `consumer` means the address where a call has no consumer; `network` is the address, of IPv6 its /64.',
  }),
  on_failure: z
    .enum(['open', 'closed'])
    .default('open')
    .meta({ description: 'What happens when nobody grants leases: let pass up to `emergency`, or refuse.' }),
  emergency: z.int().min(1).max(1_000_000_000).optional().meta({
    description:
      'Calls per window and key that one edge lets pass by itself meanwhile; default: a tenth of the limit.',
  }),
  throttle: z
    .strictObject({
      delay: duration('10ms', '30s').meta({
        description: 'How long a call waits at most for its turn instead of being refused.',
      }),
      queue: z
        .int()
        .min(1)
        .max(10_000)
        .default(100)
        .meta({ description: 'Calls that wait per key on one edge.' }),
    })
    .optional()
    .meta({ description: 'Lets calls wait for their turn instead of refusing them.' }),
});

export const quota = z.strictObject({
  limit: z.int().min(1).max(1_000_000_000_000).meta({ description: 'Calls (or their cost) in a period.' }),
  period: z.enum(['day', 'month']).meta({ description: 'Calendar day or month, UTC.' }),
  on_failure: z
    .enum(['open', 'closed'])
    .default('open')
    .meta({ description: 'What happens while nobody can count: let pass, or refuse.' }),
});

export type Role = z.output<typeof role>;
export type Consumer = z.output<typeof consumer>;
export type Limit = z.output<typeof limit>;
export type Quota = z.output<typeof quota>;
