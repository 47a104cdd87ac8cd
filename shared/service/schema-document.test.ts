import { expect, test } from 'vitest';
import { pageQuery } from './page.ts';
import { jsonSchema } from './schema-document.ts';
import { z } from './mod.ts';

const properties = (shape: z.ZodRawShape): unknown =>
  (jsonSchema(z.object(shape), 'input') as { properties: unknown }).properties;

test('defaults and examples of inputs are those that `meta` states, whatever transforms there are', () => {
  const { limit } = pageQuery({ defaultLimit: 100, maxLimit: 1_000, maxCursor: 300 });
  const day = z.string().transform(Date.parse);
  const shape = {
    limit,
    loud: z
      .enum(['true', 'false'])
      .default('false')
      .transform((text) => text === 'true')
      .meta({ type: 'boolean', default: false }),
    from: day.optional().meta({ examples: ['2024-08-08'] }),
    to: day.meta({ examples: ['2024-08-09'] }),
    order: z.enum(['asc', 'desc']).default('asc').meta({ description: 'Which way.' }),
  };
  expect(properties(shape)).toMatchObject({
    limit: { type: 'integer', default: 100 },
    loud: { type: 'boolean', default: false },
    from: { type: 'string', examples: ['2024-08-08'] },
    to: { type: 'string', examples: ['2024-08-09'] },
    order: { type: 'string', default: 'asc' },
  });
});
