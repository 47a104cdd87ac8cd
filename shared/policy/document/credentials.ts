import { z } from '@sluice/config';
import { byName, duration, name, scope, secret, webAddress } from './parts.ts';

/** Asymmetric algorithms only: with a public key in hand, `HS256` would let anybody sign, and `none` needs no key. */
export const jwtAlgorithms = [
  'ES256',
  'ES384',
  'ES512',
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'EdDSA',
] as const;

/** Path into claims: `realm_access.roles`. */
const claimPath = z
  .string()
  .regex(/^[^.\s]{1,128}(?:\.[^.\s]{1,128}){0,7}$/, 'a claim name, or names joined by dots');

const claims = {
  subject_claim: claimPath.default('sub').meta({ description: 'Claim that names the caller.' }),
  roles_claim: claimPath
    .default('roles')
    .meta({ description: 'Claim with roles: a list, or a text of names separated by spaces.' }),
  scopes_claim: claimPath
    .default('scope')
    .meta({ description: 'Claim with scopes: a list, or a text of names separated by spaces.' }),
  tenant_claim: claimPath.optional().meta({ description: 'Claim that names the tenant.' }),
  consumer_claim: claimPath.optional().meta({
    description: 'Claim that names the consumer whose limits and quotas count; default: no consumer.',
  }),
  role_map: byName(z.string().min(1).max(128), name, 1_000).optional().meta({
    description:
      'Roles of the issuer by their names, and what they are called here. With a map, other roles are ignored.',
  }),
};

export const issuer = z.strictObject({
  issuer: z.string().min(1).max(512).meta({ description: 'The `iss` claim, exactly.' }),
  audience: z
    .array(z.string().min(1).max(512))
    .min(1)
    .max(16)
    .meta({ description: 'The `aud` claim has to hold one of these.' }),
  jwks: z
    .union([
      z.strictObject({
        url: webAddress.meta({ description: 'Address of the JSON Web Key Set.' }),
        refresh: duration('10s', '1d')
          .prefault('5m')
          .meta({ description: 'Time between two looks at the key set.' }),
        cooldown: duration('1s', '10m')
          .prefault('30s')
          .meta({ description: 'Least time between two looks that unknown key ids cause.' }),
      }),
      z.strictObject({
        file: z
          .string()
          .min(1)
          .max(1_024)
          .meta({ description: 'File with a JSON Web Key Set, read by the edges and watched.' }),
      }),
    ])
    .meta({
      description:
        'Where the public keys are: an address that is read in the background, or a file that is watched.',
    }),
  algorithms: z
    .array(z.enum(jwtAlgorithms))
    .min(1)
    .max(jwtAlgorithms.length)
    .default(['ES256', 'RS256', 'PS256', 'EdDSA'])
    .meta({ description: 'Signature algorithms that are taken; asymmetric ones only.' }),
  clock_tolerance: duration('0s', '5m')
    .prefault('1m')
    .meta({ description: 'How far clocks may be apart when `exp`, `nbf` and `iat` are looked at.' }),
  required_claims: z.array(claimPath).max(32).default([]).meta({
    description: 'Claims that have to be there, besides `iss`, `aud`, `exp`, `nbf` and the subject.',
  }),
  ...claims,
});

export const introspection = z.strictObject({
  url: webAddress.meta({ description: 'Introspection endpoint (RFC 7662).' }),
  client_id: z.string().min(1).max(256).meta({ description: 'The gateway’s own client id there.' }),
  client_secret: secret,
  issuer: z
    .string()
    .min(1)
    .max(512)
    .optional()
    .meta({ description: 'The `iss` member, where the answer has one.' }),
  audience: z
    .array(z.string().min(1).max(512))
    .max(16)
    .optional()
    .meta({ description: 'The `aud` member has to hold one of these.' }),
  cache: duration('0s', '10m')
    .prefault('30s')
    .meta({ description: 'How long an answer is believed; a revoked token works this long at most.' }),
  timeout: duration('100ms', '30s').prefault('3s').meta({ description: 'How long an answer may take.' }),
  ...claims,
});

/** `//host` and `/\\host` would lead browsers elsewhere. */
const localPath = /^\/(?![/\\])/;

export const login = z.strictObject({
  issuer: webAddress.meta({
    description: 'The OpenID provider; its addresses are read from `/.well-known/openid-configuration`.',
  }),
  client_id: z.string().min(1).max(256).meta({ description: 'The gateway’s own client id there.' }),
  client_secret: secret.optional().meta({
    description: 'Absent for a public client, which has PKCE alone. `{env: NAME}` or `{file: PATH}`.',
  }),
  scopes: z
    .array(scope)
    .min(1)
    .max(32)
    .default(['openid', 'offline_access'])
    .meta({ description: 'Scopes that the login asks for; `offline_access` gives a refresh token.' }),
  parameters: byName(
    z
      .string()
      .regex(
        /^(?!(?:client_id|redirect_uri|response_type|response_mode|scope|state|nonce|code_challenge|code_challenge_method|request|request_uri)$)[a-z_]{1,64}$/,
        'a parameter of the authorization request that the gateway does not set itself',
      ),
    z.string().max(1_000),
    32,
  )
    .default({})
    .meta({
      description:
        'More parameters of the authorization request, like `prompt`, `audience` or `access_type`. With the scope `offline_access`, `prompt` is `consent` where it is not set here.',
    }),
  /** The name of this login in the document is part of its paths: `/auth/<name>/login`. */
  public_url: webAddress.meta({
    description:
      'Address of the gateway as browsers see it; the redirect URI is `<public_url>/auth/<name>/callback`.',
  }),
  cookie_key: secret.meta({
    description:
      'Key that encrypts session cookies: 32 bytes in base64 or hex. Two, separated by a comma, for rotation: the first one writes.',
  }),
  cookie_name: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, 'a cookie name made of letters, digits, "_" and "-"')
    .default('sluice_session')
    .meta({ description: 'Name of the session cookie.' }),
  same_site: z
    .enum(['lax', 'strict'])
    .default('lax')
    .meta({ description: '`SameSite` of the session cookie.' }),
  session: duration('1m', '30d')
    .prefault('8h')
    .meta({ description: 'A session ends after this time, whatever is refreshed.' }),
  after_login: z
    .string()
    .regex(localPath, 'a path of the gateway, like /docs')
    .default('/')
    .meta({ description: 'Where the browser goes after a login that named no other path.' }),
  after_logout: z
    .string()
    .regex(localPath, 'a path of the gateway, like /docs')
    .default('/')
    .meta({ description: 'Where the browser goes after a logout.' }),
  ...claims,
});

export type Issuer = z.output<typeof issuer>;
export type Introspection = z.output<typeof introspection>;
export type Login = z.output<typeof login>;
