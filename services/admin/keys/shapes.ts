import { apiKeyPrefix } from '@sluice/policy';
import { z } from '@sluice/service';
import { milliseconds, moment } from '../http/time.ts';
import type { KeyRecord } from './store.ts';

export const keyParams = z.object({
  key: z
    .string()
    .regex(/^[0-9A-Za-z]{12}$/, 'the id of a key is 12 letters and digits')
    .meta({ description: 'Id of a key: the twelve characters after `slk_`.' }),
});

const name = z.string().max(200).meta({ description: 'For people; `ci`, `laptop of Ada`.' });
const expires = moment('When it ends; null: never. Milliseconds or ISO 8601.').nullable();

export const createBody = z.strictObject({ name: name.default(''), expires: expires.default(null) });

export const changeBody = z
  .strictObject({ name: name.optional(), expires: expires.optional(), disabled: z.boolean().optional() })
  .meta({ description: 'Members that are absent stay as they are.' });

export const rotateBody = z.strictObject({
  name: name.optional().meta({ description: 'Name of the new key; default: that of the old one.' }),
  expires: expires.default(null),
  old_expires: moment('When the old key ends; default: it stays as it is.').optional(),
});

const members = {
  id: z.string().meta({ examples: ['4fTq81ZbXy0P'] }),
  prefix: z
    .string()
    .meta({ description: 'How the key begins, to find it by.', examples: ['slk_4fTq81ZbXy0P'] }),
  consumer: z.string(),
  name: z.string(),
  created: milliseconds('When it was made'),
  expires: milliseconds('When it ends; null: never').nullable(),
  disabled: z.boolean(),
  last_used: milliseconds('When it was last seen, to about a minute; null: never').nullable(),
  revision: z.int(),
};

export const keyShape = z.object(members);
export const createdShape = z.object({
  key: z.string().meta({ description: 'The key itself. It is shown here and never again.' }),
  ...members,
});

/** A key as the API shows it: never its hash. */
export function keyView({ key, revision, lastUsed }: KeyRecord): z.output<typeof keyShape> {
  const { id, consumer, name, created, expires, disabled } = key;
  return {
    id,
    prefix: `${apiKeyPrefix}${id}`,
    consumer,
    name,
    created,
    expires,
    disabled,
    last_used: lastUsed,
    revision,
  };
}
