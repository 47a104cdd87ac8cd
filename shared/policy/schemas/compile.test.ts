import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { compileCheck } from './compile.ts';

test('a schema that refers to itself checks what is inside', () => {
  const tree = compileCheck({ properties: { next: { $ref: '#' }, name: { type: 'string' } } }, 'exact');
  expect(tree.first({ name: 'a', next: { next: { name: 'b' } } })).toBe(true);
  expect(tree.first({ next: { next: { name: 1 } } })).toBe(false);
  expect(tree.every()({ next: { name: 1 } })).toBe(false);
});

test('names inside one schema mean nothing in another', () => {
  const named = (type: string) => ({
    $id: 'https://schemas.test/order',
    properties: { a: { $ref: 'part' } },
    $defs: { part: { $id: 'part', type } },
  });
  const first = compileCheck(named('string'), 'exact');
  const second = compileCheck(named('number'), 'exact');
  expect([first.first({ a: 'x' }), first.first({ a: 1 })]).toEqual([true, false]);
  expect([second.first({ a: 'x' }), second.first({ a: 1 })]).toEqual([false, true]);
  expect(second.every()({ a: 1 })).toBe(true);
  expect(() => compileCheck({ $ref: 'https://schemas.test/order' }, 'exact')).toThrow('resolve reference');
  // The root of the one before is not the root of the next.
  expect(compileCheck({ items: { $ref: '#' }, type: 'array' }, 'exact').first([[], [1]])).toBe(false);
});

test('the same schema is compiled again and again', () => {
  for (let n = 0; n < 3; n++)
    expect(compileCheck({ $defs: { a: { $anchor: 'x', minimum: n } }, $ref: '#x' }, 'exact').first(1)).toBe(
      n < 2,
    );
});

test('what was compiled for routes that have gone is forgotten', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const schemas: WeakRef<object>[] = [];
  for (let n = 0; n < 500; n++) {
    const schema = { properties: { [`p${n}`]: { type: 'array', uniqueItems: true, maxItems: n } } };
    compileCheck(schema, 'coerced').first({});
    schemas.push(new WeakRef(schema));
  }
  // What a WeakRef was asked for lives until the turn is over.
  await new Promise(setImmediate);
  collect();
  expect(schemas.filter((schema) => schema.deref() !== undefined).length).toBeLessThanOrEqual(100);
});
