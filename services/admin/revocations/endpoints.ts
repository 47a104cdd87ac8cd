import { SluiceError, type FieldError } from '@sluice/errors';
import type { Bus } from '@sluice/nats';
import {
  longestRevocationKey,
  type DocumentFollower,
  type GatewayDocument,
  type RevokedThing,
} from '@sluice/policy';
import { endpoint, z, type Endpoint } from '@sluice/service';
import type { AuditLog } from '../audit/log.ts';
import { newestDocument } from '../document/newest.ts';
import { changes, reads, subjectOf, type Handlers } from '../endpoint.ts';
import { json, noContent, revisioned } from '../http/answer.ts';
import { listOf, numberCursor, pageQuery } from '../http/page.ts';
import { changeHeaders, checkPrecondition } from '../http/precondition.ts';
import { milliseconds, moment } from '../http/time.ts';
import type { RevocationStore, StoredRevocation } from './store.ts';

const tags = ['Revocations'];

const params = z.object({
  revocation: z
    .string()
    .max(longestRevocationKey)
    .regex(/^(?:jti|subject)\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/, 'is not the id of a revocation')
    .meta({ description: '`id` of a revocation as the list has it.' }),
});

const what = z.string().min(1).max(512);
const body = z
  .strictObject({
    issuer: z.string().min(1).max(64).meta({
      description: 'Name of the issuer, introspection or login in the gateway document.',
    }),
    jti: what.optional().meta({ description: 'Id of one token; either this or `subject`.' }),
    subject: what.optional().meta({ description: 'Every token of this subject that was made before now.' }),
    until: moment('When the last of these tokens ends: the entry goes then. Default: it stays.').optional(),
    reason: z.string().max(500).default(''),
  })
  .refine(({ jti, subject }) => (jti === undefined) !== (subject === undefined), {
    error: 'names either jti or subject',
    path: ['jti'],
  });

const shape = z.object({
  id: z.string(),
  kind: z.enum(['jti', 'subject']),
  issuer: z.string(),
  value: z.string().meta({ description: 'The `jti`, or the subject.' }),
  at: milliseconds('When it was revoked; tokens of a subject that are younger are good'),
  until: milliseconds('When the entry goes; null: never').nullable(),
  reason: z.string(),
  revision: z.int(),
});

export interface RevocationOptions {
  readonly bus: Bus;
  readonly store: RevocationStore;
  readonly document: DocumentFollower;
  readonly audit: AuditLog;
  readonly handlers: Handlers;
}

/** Tokens taken back before they end. */
export function revocationEndpoints(options: RevocationOptions): Record<string, Endpoint> {
  const { bus, store, document, audit, handlers } = options;
  const named = (name: string) => ({ tags, subject: subjectOf(name) });
  return {
    'revocations-list': endpoint({
      ...reads,
      ...named('revocations-list'),
      route: 'GET /admin/v1/revocations',
      summary: 'Revocations in force, in the order they were made',
      query: z.object(pageQuery),
      response: listOf(shape),
      handler: ({ request, query }) =>
        handlers.as('viewer', 'revocations-list', request, async () => {
          const page = await store.page(numberCursor(query.cursor, 0), query.limit);
          return json({
            data: page.revocations.map(view),
            next: page.next === null ? null : String(page.next),
          });
        }),
    }),
    'revocations-create': endpoint({
      ...changes,
      ...named('revocations-create'),
      route: 'POST /admin/v1/revocations',
      summary: 'Revoke a token, or every token of a subject made before now',
      description:
        'In force on every edge within a second, on open connections too. Revoking again renews the entry.',
      body,
      response: shape,
      status: 201,
      handler: ({ request, body }) =>
        handlers.as('admin', 'revocations-create', request, async (who) => {
          const at = Date.now();
          const until = body.until ?? null;
          const newest = await newestDocument(bus, document, (each) => knowsIssuer(each, body.issuer));
          const errors = faultsOf(body.issuer, until, at, newest);
          if (errors.length > 0)
            throw new SluiceError('invalid_parameters', 'The request is not what the endpoint expects.', {
              errors,
            });
          const thing: RevokedThing = {
            kind: body.jti === undefined ? 'subject' : 'jti',
            source: body.issuer,
            id: body.jti ?? (body.subject as string),
          };
          const present = await store.find(thing);
          const revocation = { at, until, reason: body.reason };
          const { revision } = await audit.change(
            {
              who,
              action: 'revocation.create',
              target: targetOf(thing),
              before: present === null ? null : present.revocation,
              after: revocation,
              requestId: request.id,
            },
            async () => ({ revision: await store.write(thing, revocation, present?.revision ?? null) }),
          );
          const made = view({ id: store.idOf(thing), thing, revocation, revision });
          return revisioned(made, revision, { status: 201, location: `/admin/v1/revocations/${made.id}` });
        }),
    }),
    'revocations-get': endpoint({
      ...reads,
      ...named('revocations-get'),
      route: 'GET /admin/v1/revocations/{revocation}',
      summary: 'One revocation',
      params,
      response: shape,
      handler: ({ request, params }) =>
        handlers.as('viewer', 'revocations-get', request, async () => {
          const found = await known(params.revocation);
          return revisioned(view(found), found.revision);
        }),
    }),
    'revocations-delete': endpoint({
      ...changes,
      ...named('revocations-delete'),
      route: 'DELETE /admin/v1/revocations/{revocation}',
      summary: 'Lift a revocation',
      description: 'Needs `If-Match` with its `ETag`. Connections that were ended stay ended.',
      params,
      headers: changeHeaders,
      status: 204,
      handler: ({ request, params }) =>
        handlers.as('admin', 'revocations-delete', request, async (who) => {
          const present = await known(params.revocation);
          checkPrecondition(request, present.revision);
          await audit.change(
            {
              who,
              action: 'revocation.delete',
              target: targetOf(present.thing),
              before: present.revocation,
              after: null,
              requestId: request.id,
            },
            async () => {
              await store.remove(present.id, present.revision);
              return { revision: null };
            },
          );
          return noContent();
        }),
    }),
  };

  async function known(id: string): Promise<StoredRevocation> {
    const found = await store.get(id);
    if (found === null) throw new SluiceError('not_found', 'There is no such revocation, or it has run out.');
    return found;
  }
}

function view({ id, thing, revocation, revision }: StoredRevocation): z.output<typeof shape> {
  return { id, kind: thing.kind, issuer: thing.source, value: thing.id, ...revocation, revision };
}

const targetOf = ({ kind, source, id }: RevokedThing): string => `revocation/${kind}/${source}/${id}`;

function knowsIssuer({ issuers, introspection, logins }: GatewayDocument, name: string): boolean {
  return [issuers, introspection, logins].some((part) => Object.hasOwn(part, name));
}

/** A revocation for an issuer that nobody knows would do nothing, and say so to nobody. */
function faultsOf(
  issuer: string,
  until: number | null,
  now: number,
  document: GatewayDocument,
): FieldError[] {
  return [
    ...(knowsIssuer(document, issuer)
      ? []
      : [
          {
            in: 'body' as const,
            pointer: '/issuer',
            detail: 'is no issuer, introspection or login of the gateway document',
          },
        ]),
    ...(until !== null && until <= now
      ? [{ in: 'body' as const, pointer: '/until', detail: 'lies in the past' }]
      : []),
  ];
}
