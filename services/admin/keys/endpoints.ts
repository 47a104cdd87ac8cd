import { SluiceError } from '@sluice/errors';
import { endpoint, z, type Endpoint } from '@sluice/service';
import type { WireRequest } from '@sluice/wire';
import type { ConsumerDirectory } from '../consumers/directory.ts';
import { consumerParams } from '../consumers/endpoints.ts';
import { changes, reads, subjectOf, type Handlers } from '../endpoint.ts';
import { json, noContent, revisioned } from '../http/answer.ts';
import { listOf, numberCursor, pageQuery } from '../http/page.ts';
import { changeHeaders, checkPrecondition } from '../http/precondition.ts';
import type { KeyIssuer } from './issuer.ts';
import { changeBody, createBody, createdShape, keyParams, keyShape, keyView, rotateBody } from './shapes.ts';
import type { KeyRecord, KeyStore } from './store.ts';

const tags = ['Consumers and keys'];
const ifMatch = 'Needs `If-Match` with its `ETag`; `*` for whatever is there.';

export interface KeyOptions {
  readonly directory: ConsumerDirectory;
  readonly keys: KeyStore;
  readonly issuer: KeyIssuer;
  readonly handlers: Handlers;
}

/** Keys of consumers. The text of a key is in the answer that makes it and nowhere else. */
export function keyEndpoints(options: KeyOptions): Record<string, Endpoint> {
  const { directory, keys, issuer, handlers } = options;
  const named = (name: string) => ({ tags, subject: subjectOf(name) });
  return {
    'keys-list': endpoint({
      ...reads,
      ...named('keys-list'),
      route: 'GET /admin/v1/consumers/{consumer}/keys',
      summary: 'Keys of a consumer, without their secrets',
      params: consumerParams,
      query: z.object(pageQuery),
      response: listOf(keyShape),
      handler: ({ request, params, query }) =>
        handlers.as('viewer', 'keys-list', request, async () => {
          const after = numberCursor(query.cursor, 0);
          const page = await keys.page(params.consumer, after, query.limit);
          // Keys outlive a consumer that was taken out of the document: they are still shown, to be deleted.
          if (page.keys.length === 0 && after === 0) await directory.get(params.consumer);
          return json({ data: page.keys.map(keyView), next: page.next === null ? null : String(page.next) });
        }),
    }),
    'keys-create': endpoint({
      ...changes,
      ...named('keys-create'),
      route: 'POST /admin/v1/consumers/{consumer}/keys',
      summary: 'Make a key for a consumer',
      description:
        'The answer shows the key, once. A consumer may have several, so that one can replace another.',
      params: consumerParams,
      body: createBody,
      response: createdShape,
      status: 201,
      handler: ({ request, params, body }) =>
        handlers.as('admin', 'keys-create', request, async (who) => {
          checkFuture(body.expires, '/expires');
          const wanted = { consumer: params.consumer, name: body.name, expires: body.expires };
          return created(await issuer.issue(wanted, who, request.id));
        }),
    }),
    'keys-get': endpoint({
      ...reads,
      ...named('keys-get'),
      route: 'GET /admin/v1/keys/{key}',
      summary: 'One key, without its secret',
      params: keyParams,
      response: keyShape,
      handler: ({ request, params }) =>
        handlers.as('viewer', 'keys-get', request, async () => shown(await known(params.key))),
    }),
    'keys-change': endpoint({
      ...changes,
      ...named('keys-change'),
      route: 'PATCH /admin/v1/keys/{key}',
      summary: 'Rename, disable, enable or end a key',
      description: `A disabled key is refused within a second, on open connections too. ${ifMatch}`,
      params: keyParams,
      headers: changeHeaders,
      body: changeBody,
      response: keyShape,
      handler: ({ request, params, body }) =>
        handlers.as('admin', 'keys-change', request, async (who) =>
          shown(await issuer.change(await meant(request, params.key), body, who, request.id)),
        ),
    }),
    'keys-rotate': endpoint({
      ...changes,
      ...named('keys-rotate'),
      route: 'POST /admin/v1/keys/{key}/rotate',
      summary: 'Make a second key beside this one',
      description: `Both work until the old one ends (\`old_expires\`) or is deleted. ${ifMatch}`,
      params: keyParams,
      headers: changeHeaders,
      body: rotateBody,
      response: createdShape,
      status: 201,
      handler: ({ request, params, body }) =>
        handlers.as('admin', 'keys-rotate', request, async (who) => {
          const old = await meant(request, params.key);
          checkFuture(body.expires, '/expires');
          checkFuture(body.old_expires ?? null, '/old_expires');
          const { consumer, name } = old.key;
          const wanted = { consumer, name: body.name ?? name, expires: body.expires };
          const made = await issuer.issue(wanted, who, request.id);
          if (body.old_expires !== undefined)
            await issuer.change(old, { expires: body.old_expires }, who, request.id);
          return created(made);
        }),
    }),
    'keys-delete': endpoint({
      ...changes,
      ...named('keys-delete'),
      route: 'DELETE /admin/v1/keys/{key}',
      summary: 'Delete a key',
      description: ifMatch,
      params: keyParams,
      headers: changeHeaders,
      status: 204,
      handler: ({ request, params }) =>
        handlers.as('admin', 'keys-delete', request, async (who) => {
          await issuer.remove(await meant(request, params.key), who, request.id);
          return noContent();
        }),
    }),
  };

  async function known(id: string): Promise<KeyRecord> {
    const found = await keys.get(id);
    if (found === null) throw new SluiceError('not_found', `There is no key ${id}.`);
    return found;
  }

  /** The key, in the state that the request is about. */
  async function meant(request: WireRequest, id: string): Promise<KeyRecord> {
    const found = await known(id);
    checkPrecondition(request, found.revision);
    return found;
  }
}

function shown(record: KeyRecord) {
  return revisioned(keyView(record), record.revision);
}

function created({ text, record }: { text: string; record: KeyRecord }) {
  return revisioned({ key: text, ...keyView(record) }, record.revision, {
    status: 201,
    location: `/admin/v1/keys/${record.key.id}`,
  });
}

/** A key that has ended already would be a mistake that shows late. */
function checkFuture(expires: number | null, pointer: string): void {
  if (expires === null || expires > Date.now()) return;
  throw new SluiceError('invalid_parameters', 'The request is not what the endpoint expects.', {
    errors: [{ in: 'body', pointer, detail: 'lies in the past' }],
  });
}
