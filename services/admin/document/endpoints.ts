import { gatewaySchema, listRevisions } from '@sluice/policy';
import type { Bus } from '@sluice/nats';
import { endpoint, z, type Endpoint } from '@sluice/service';
import type { WireRequest } from '@sluice/wire';
import type { Actor } from '../access.ts';
import { changes, reads, subjectOf, type Handlers } from '../endpoint.ts';
import { json, revisioned } from '../http/answer.ts';
import { listOf } from '../http/page.ts';
import { changeHeaders, checkPrecondition, createHeaders } from '../http/precondition.ts';
import type { DocumentWork } from './document-work.ts';
import type { DocumentEditor, Edited, Present } from './editor.ts';
import { invalidDocument, readDocument } from './input.ts';
import { refuseLockOut } from './lock-out.ts';
import { represent } from './represent.ts';
import { appliedShape, checkShape, diffShape, documentShape, revisionShape } from './shapes.ts';

const tags = ['Gateway document'];
/** A document with the largest address lists, as JSON. */
const bodyLimit = 7 * 1024 * 1024;
const flag = (description: string) =>
  z
    .enum(['true', 'false'], { error: 'must be true or false' })
    .default('false')
    .transform((text) => text === 'true')
    .meta({ type: 'boolean', default: false, description });
const comment = z
  .string()
  .max(500)
  .optional()
  .meta({ description: 'Why; kept with the revision and in the audit log.' });
const force = flag('Apply it although it refuses the address that it is applied from.');
const yaml = { bodyContentType: 'application/yaml', bodyLimit };
const concurrency =
  'Needs `If-Match` with the `ETag` of the document it was made against (428 without, 412 when there is another one by now).';
const revisionParams = z.object({
  revision: z
    .string()
    .regex(/^[1-9]\d{0,14}$/, 'must be the number of a revision')
    .transform(Number)
    .meta({ type: 'integer', minimum: 1, description: 'Number of a revision.' }),
});

/** The gateway document: read, check, compare, apply, and its earlier revisions. */
export function documentEndpoints(options: {
  bus: Bus;
  editor: DocumentEditor;
  work: DocumentWork;
  handlers: Handlers;
}): Record<string, Endpoint> {
  const { bus, editor, work, handlers } = options;
  const named = (name: string) => ({ tags, subject: subjectOf(name) });
  return {
    'document-get': endpoint({
      ...reads,
      ...named('document-get'),
      route: 'GET /admin/v1/document',
      summary: 'The gateway document',
      description:
        'As it was written, as JSON, or as YAML for `Accept: application/yaml`. Its `ETag` is its revision.',
      response: documentShape,
      handler: ({ request }) =>
        handlers.as('viewer', 'document-get', request, async ({ subject }) => {
          const { input, revision } = await editor.present();
          return represent(request, input, revision, (document) => work.format(subject, document));
        }),
    }),
    'document-put': endpoint({
      ...changes,
      ...named('document-put'),
      ...yaml,
      body: gatewaySchema,
      headers: createHeaders,
      route: 'PUT /admin/v1/document',
      summary: 'Apply a document',
      description: `Checked whole and applied whole, or refused with every fault. JSON or YAML by \`Content-Type\`. One that refuses the caller’s own address needs \`force\` (409 without). ${concurrency}`,
      query: z.object({ dry_run: flag('Check and compare only; nothing is changed.'), force, comment }),
      response: appliedShape,
      handler: ({ request, query }) =>
        handlers.as('admin', 'document-put', request, async (who) => {
          const input = await documentIn(request, who);
          const present = await presentFor(request);
          if (!query.force) await refuseLockOut(input, present.input, who.client);
          if (query.dry_run) return applied(present, await editor.compare(who, input, present), true);
          const edit = { who, requestId: request.id, comment: query.comment ?? null, input };
          return applied(present, await editor.apply({ ...edit, action: 'document.apply' }, present), false);
        }),
    }),
    'document-check': endpoint({
      ...reads,
      ...named('document-check'),
      ...yaml,
      body: documentShape,
      route: 'POST /admin/v1/document/check',
      summary: 'Check a document without applying it',
      response: checkShape,
      handler: ({ request }) =>
        handlers.as('viewer', 'document-check', request, async ({ subject }) => {
          const read = await readDocument(request, subject, work);
          return json({ valid: read.ok, errors: read.ok ? [] : read.errors });
        }),
    }),
    'document-diff': endpoint({
      ...reads,
      ...named('document-diff'),
      ...yaml,
      body: documentShape,
      route: 'POST /admin/v1/document/diff',
      summary: 'What a document would change',
      description: 'Compared with the present document, whose revision is the `ETag` of the answer.',
      response: diffShape,
      handler: ({ request }) =>
        handlers.as('viewer', 'document-diff', request, async (who) => {
          const input = await documentIn(request, who);
          const { changes, ...rest } = await editor.compare(who, input, await editor.present());
          return revisioned({ ...rest, ...changes }, rest.revision);
        }),
    }),
    'revisions-list': endpoint({
      ...reads,
      ...named('revisions-list'),
      route: 'GET /admin/v1/revisions',
      summary: 'Revisions of the document that are kept, newest first',
      response: listOf(revisionShape),
      handler: ({ request }) =>
        handlers.as('viewer', 'revisions-list', request, async () => {
          const [revisions, present] = await Promise.all([listRevisions(bus), editor.present()]);
          const data = revisions.map((each) => ({ ...each, current: each.revision === present.revision }));
          return json({ data, next: null });
        }),
    }),
    'revisions-get': endpoint({
      ...reads,
      ...named('revisions-get'),
      route: 'GET /admin/v1/revisions/{revision}',
      summary: 'The document of an earlier revision',
      description: 'As JSON, or as YAML for `Accept: application/yaml`.',
      params: revisionParams,
      response: documentShape,
      handler: ({ request, params }) =>
        handlers.as('viewer', 'revisions-get', request, async ({ subject }) => {
          const input = await editor.revision(params.revision);
          return represent(request, input, params.revision, (document) => work.format(subject, document));
        }),
    }),
    'revisions-rollback': endpoint({
      ...changes,
      ...named('revisions-rollback'),
      route: 'POST /admin/v1/revisions/{revision}/rollback',
      summary: 'Apply the document of an earlier revision again',
      description: `Makes a new revision. One that refuses the caller’s own address needs \`force\` (409 without). ${concurrency}`,
      params: revisionParams,
      query: z.object({ force, comment }),
      headers: changeHeaders,
      response: appliedShape,
      handler: ({ request, params, query }) =>
        handlers.as('admin', 'revisions-rollback', request, async (who) => {
          const present = await presentFor(request);
          const input = await editor.revision(params.revision);
          // It is stored already, and yet may not be valid for a newer gateway.
          const read = await work.read(who.subject, JSON.stringify(input), 'json');
          if (!read.ok) throw invalidDocument(read.errors, read.total);
          if (!query.force) await refuseLockOut(input, present.input, who.client);
          const comment = query.comment ?? `rollback to revision ${params.revision}`;
          const edit = { who, requestId: request.id, comment, input };
          return applied(
            present,
            await editor.apply({ ...edit, action: 'document.rollback' }, present),
            false,
          );
        }),
    }),
  };

  /** The document that is sent, whole and valid. */
  async function documentIn(request: WireRequest, { subject }: Actor): Promise<unknown> {
    const read = await readDocument(request, subject, work);
    if (!read.ok) throw invalidDocument(read.errors, read.total);
    return read.input;
  }

  /** The present document, if it is the one that the request is about. */
  async function presentFor(request: WireRequest): Promise<Present> {
    const present = await editor.present();
    checkPrecondition(request, present.revision, { absent: present.revision === 0 });
    return present;
  }
}

function applied(present: Present, { revision, changes, warnings }: Edited, dryRun: boolean) {
  return revisioned(
    { revision, changed: revision !== present.revision, dry_run: dryRun, ...changes, warnings },
    revision,
  );
}
