import { SluiceError } from '@sluice/errors';
import type { Bus } from '@sluice/nats';
import { consumerSchema, type Consumer, type DocumentFollower, type GatewayDocument } from '@sluice/policy';
import { endpoint, z, type Endpoint, type Reply } from '@sluice/service';
import type { WireRequest } from '@sluice/wire';
import type { Actor } from '../access.ts';
import type { AuditLog } from '../audit/log.ts';
import { newestDocument } from '../document/newest.ts';
import { changes, reads, subjectOf, type Handlers } from '../endpoint.ts';
import { json, noContent, revisioned } from '../http/answer.ts';
import { listOf, pageQuery } from '../http/page.ts';
import { changeHeaders, checkPrecondition, createHeaders } from '../http/precondition.ts';
import type { KeyStore } from '../keys/store.ts';
import { unknownNames, type ConsumerDirectory, type ConsumerView } from './directory.ts';
import type { ConsumerStore } from './store.ts';

const tags = ['Consumers and keys'];

export const consumerParams = z.object({
  consumer: consumerSchema.shape.id.meta({ description: 'Id of a consumer.' }),
});

const consumerShape = z.object({
  id: z.string(),
  description: z.string().optional(),
  tenant: z.string().optional(),
  roles: z.array(z.string()),
  scopes: z.array(z.string()),
  limits: z.array(z.string()),
  quotas: z.array(z.string()),
  disabled: z.boolean(),
  origin: z.enum(['document', 'api']).meta({ description: 'Consumers of the document are changed there.' }),
  revision: z.int().nullable(),
});

const consumerBody = consumerSchema.omit({ id: true });

export interface ConsumerOptions {
  readonly bus: Bus;
  readonly directory: ConsumerDirectory;
  readonly store: ConsumerStore;
  readonly keys: KeyStore;
  readonly document: DocumentFollower;
  readonly audit: AuditLog;
  readonly handlers: Handlers;
}

/** API clients that are kept apart from the document. */
export function consumerEndpoints(options: ConsumerOptions): Record<string, Endpoint> {
  const { bus, directory, store, keys, document, audit, handlers } = options;
  const named = (name: string) => ({ tags, subject: subjectOf(name) });

  /** Writes a consumer in the place of `present`. */
  const write = async (
    request: WireRequest,
    who: Actor,
    consumer: Consumer,
    present: ConsumerView | null,
  ): Promise<Reply> => {
    const known = (each: GatewayDocument): boolean => unknownNames(consumer, each).length === 0;
    const errors = unknownNames(consumer, await newestDocument(bus, document, known));
    if (errors.length > 0)
      throw new SluiceError('invalid_parameters', 'The request is not what the endpoint expects.', {
        errors,
      });
    const change = {
      who,
      action: present === null ? 'consumer.create' : 'consumer.update',
      target: `consumer/${consumer.id}`,
      before: present === null ? null : memberOf(present),
      after: consumer,
      requestId: request.id,
    };
    const { revision } = await audit.change(change, async () => ({
      revision: await store.write(consumer, present === null ? null : present.revision),
    }));
    const view: ConsumerView = { ...consumer, origin: 'api', revision };
    return revisioned(
      view,
      revision,
      present === null ? { status: 201, location: `/admin/v1/consumers/${consumer.id}` } : {},
    );
  };

  return {
    'consumers-list': endpoint({
      ...reads,
      ...named('consumers-list'),
      route: 'GET /admin/v1/consumers',
      summary: 'Every consumer',
      description:
        'Those of the document first, by id, then those of the API in the order they were last changed.',
      query: z.object(pageQuery),
      response: listOf(consumerShape),
      handler: ({ request, query }) =>
        handlers.as('viewer', 'consumers-list', request, async () =>
          json(await directory.page(query.cursor, query.limit)),
        ),
    }),
    'consumers-get': endpoint({
      ...reads,
      ...named('consumers-get'),
      route: 'GET /admin/v1/consumers/{consumer}',
      summary: 'One consumer',
      params: consumerParams,
      response: consumerShape,
      handler: ({ request, params }) =>
        handlers.as('viewer', 'consumers-get', request, async () => {
          const found = await directory.get(params.consumer);
          return revisioned(found, found.revision);
        }),
    }),
    'consumers-create': endpoint({
      ...changes,
      ...named('consumers-create'),
      route: 'POST /admin/v1/consumers',
      summary: 'Create a consumer',
      description: '409 when there is one of this id.',
      body: consumerSchema,
      response: consumerShape,
      status: 201,
      handler: ({ request, body }) =>
        handlers.as('admin', 'consumers-create', request, async (who) => {
          if ((await directory.find(body.id)) !== null)
            throw new SluiceError('conflict', `There is a consumer ${body.id} already.`);
          return write(request, who, body, null);
        }),
    }),
    'consumers-put': endpoint({
      ...changes,
      ...named('consumers-put'),
      route: 'PUT /admin/v1/consumers/{consumer}',
      summary: 'Replace a consumer, or create it',
      description:
        'Needs `If-Match` with its `ETag`, or `If-None-Match: *` to create it. 409 for one of the document.',
      params: consumerParams,
      headers: createHeaders,
      body: consumerBody,
      response: consumerShape,
      handler: ({ request, params, body }) =>
        handlers.as('admin', 'consumers-put', request, async (who) => {
          directory.refuseDeclared(params.consumer);
          const present = await directory.find(params.consumer);
          checkPrecondition(request, present === null ? null : present.revision);
          return write(request, who, { id: params.consumer, ...body }, present);
        }),
    }),
    'consumers-delete': endpoint({
      ...changes,
      ...named('consumers-delete'),
      route: 'DELETE /admin/v1/consumers/{consumer}',
      summary: 'Delete a consumer with all its keys',
      description: 'Needs `If-Match` with its `ETag`. 409 for one of the document.',
      params: consumerParams,
      headers: changeHeaders,
      status: 204,
      handler: ({ request, params }) =>
        handlers.as('admin', 'consumers-delete', request, async (who) => {
          const present = await directory.changeable(params.consumer);
          checkPrecondition(request, present.revision);
          const before = memberOf(present);
          const target = `consumer/${present.id}`;
          await audit.change(
            { who, action: 'consumer.delete', target, before, after: null, requestId: request.id },
            (begun) => remove(before, present.revision, begun),
          );
          return noContent();
        }),
    }),
  };

  /**
   * Disabled first, against the revision that was meant: from then on nobody gets in, and an interruption leaves nothing
   * that works. Keys are looked for again at the end, for one that was being made meanwhile.
   */
  async function remove(
    consumer: Consumer,
    revision: number,
    begun: () => void,
  ): Promise<{ revision: null }> {
    const disabled = await store.write({ ...consumer, disabled: true }, revision);
    begun();
    await keys.removeAll(consumer.id);
    await store.remove(consumer.id, disabled);
    await keys.removeAll(consumer.id);
    return { revision: null };
  }
}

/** The consumer itself, without what the view adds. */
function memberOf({ origin: _origin, revision: _revision, ...consumer }: ConsumerView): Consumer {
  return consumer;
}
