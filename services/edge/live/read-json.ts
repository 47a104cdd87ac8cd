import { jsonShape, mostJsonDepth } from '@sluice/wire';

/**
 * What a backend sent as JSON, as a value; undefined, which no JSON is, for what cannot be read or is nested too deep.
 * `JSON.parse` takes any depth, but whatever writes the value again is recursive, here and at the client: 4 KB of brackets
 * would be the end of a stack. `bytes` must be UTF-8.
 */
export function readJson(bytes: Buffer): unknown {
  if (jsonShape(bytes).depth > mostJsonDepth) return undefined;
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}
