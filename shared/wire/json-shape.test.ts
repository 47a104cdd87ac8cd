import { describe, expect, it } from 'vitest';
import { jsonShape, mostJsonDepth } from './json-shape.ts';

const shapeOf = (text: string): ReturnType<typeof jsonShape> => jsonShape(Buffer.from(text));

describe('the shape of a JSON text', () => {
  it.each([
    ['7', 0, 0],
    ['[]', 1, 0],
    ['{"a":1,"b":[{"c":2}]}', 3, 3],
    ['[[],[],[[]]]', 3, 0],
  ])('%s', (text, depth, members) => {
    expect(shapeOf(text)).toEqual({ depth, members });
  });

  it('passes over what stands in strings, escaped quotes included', () => {
    expect(shapeOf('{"[[[:":"\\"{{{:\\\\"}')).toEqual({ depth: 1, members: 1 });
  });

  it('counts no deeper than one level too many, however long the text is', () => {
    expect(shapeOf('['.repeat(mostJsonDepth)).depth).toBe(mostJsonDepth);
    expect(shapeOf('['.repeat(1_000_000)).depth).toBe(mostJsonDepth + 1);
  });
});
