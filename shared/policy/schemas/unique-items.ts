import { _, str, type Ajv2020, type CodeKeywordDefinition } from 'ajv/dist/2020.js';

const keyword: CodeKeywordDefinition = {
  keyword: 'uniqueItems',
  type: 'array',
  schemaType: 'boolean',
  error: {
    message: ({ params }) =>
      str`must NOT have duplicate items (items ## ${_`${params['pair']}[0]`} and ${_`${params['pair']}[1]`} are identical)`,
    params: ({ params }) => _`{i: ${params['pair']}[1], j: ${params['pair']}[0]}`,
  },
  code(context) {
    if (context.schema === false) return;
    const { gen, data } = context;
    const pair = gen.const('pair', _`${gen.scopeValue('func', { ref: duplicate })}(${data})`);
    context.setParams({ pair });
    context.fail(_`${pair} !== null`);
  },
};

/**
 * Ajv compares every item with every other one unless `items` names a scalar type: a body of a megabyte would stop the
 * router for minutes. This one takes time linear in the body. Like Ajv's it runs after `items`, so that texts of a query
 * that count as numbers are compared as numbers.
 */
export function useLinearUniqueItems(ajv: Ajv2020): void {
  ajv.removeKeyword('uniqueItems');
  ajv.addKeyword(keyword);
}

/** The first item that is there already, and the one it equals; null where all differ. */
export function duplicate(items: readonly unknown[]): readonly [earlier: number, later: number] | null {
  const seen = new Map<string, number>();
  for (const [later, item] of items.entries()) {
    const key = canonical(item);
    const earlier = seen.get(key);
    if (earlier !== undefined) return [earlier, later];
    seen.set(key, later);
  }
  return null;
}

/**
 * One text for all values that JSON Schema takes for equal (core, section 4.2.2): members in any order, numbers by their
 * value. The recursion is as deep as the value; bodies are bounded before. Numbers begin with a letter,
 * because V8 hashes texts that look like an index without its secret seed: a client could make them collide.
 */
function canonical(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  // `-0` is written `0`, and what is beyond all numbers is not `null`, as `JSON.stringify` would have it.
  if (typeof value === 'number') return `n${value}`;
  if (typeof value !== 'object' || value === null) return String(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  const members = Object.keys(value).toSorted();
  return `{${members.map((name) => `${JSON.stringify(name)}:${canonical((value as Record<string, unknown>)[name])}`).join()}}`;
}
