import { z } from '@sluice/service';
import { milliseconds } from '../http/time.ts';

const revision = z.int().meta({ description: 'Revision of the document; 0: nothing was ever applied.' });

export const changeShape = z.object({
  op: z.enum(['add', 'remove', 'change']),
  path: z.string().meta({
    description: 'Where; members of a list go by id or value.',
    examples: ['limits.burst.limit', 'routes[orders.get].timeout'],
  }),
  before: z.unknown().optional(),
  after: z.unknown().optional(),
});

const changeList = {
  changes: z.array(changeShape).meta({ description: 'The first of them, within a bounded size.' }),
  total: z.int().meta({ description: 'How many there are in all.' }),
  warnings: z
    .array(
      z.object({
        route: z.string().nullable().meta({ description: 'Id of the route that it is about.' }),
        detail: z.string(),
      }),
    )
    .meta({
      description:
        'Routes that services announce and that leave the table with this document, because of what it no longer has, or declares; and a file that routers load the document from, too.',
    }),
};

export const diffShape = z.object({ revision, ...changeList });

export const appliedShape = z.object({
  revision,
  changed: z
    .boolean()
    .meta({ description: 'False when just this document was there already, or for a dry run.' }),
  dry_run: z.boolean(),
  ...changeList,
});

export const checkShape = z.object({
  valid: z.boolean(),
  errors: z.array(
    z.object({
      in: z.literal('body'),
      pointer: z
        .string()
        .meta({ description: 'RFC 6901 pointer into the document.', examples: ['/routes/3/path'] }),
      detail: z.string(),
      line: z.int().optional().meta({ description: 'Line of the fault, where YAML was sent.' }),
      hint: z.string().optional(),
    }),
  ),
});

export const revisionShape = z.object({
  revision,
  author: z.string(),
  at: milliseconds('When it was applied'),
  comment: z.string().nullable(),
  current: z.boolean().meta({ description: 'Whether it is the present one.' }),
});

/** The document itself, as answers show it: `docs/gateway.schema.json` has every member. */
export const documentShape = z
  .looseObject({ version: z.int().optional() })
  .meta({ description: 'The gateway document as it was written.' });
