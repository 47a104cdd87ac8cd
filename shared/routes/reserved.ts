import type { Segment } from './template.ts';
import { parseTemplate } from './template.ts';

/**
 * Paths that the gateway answers itself: the API reference, its document, the live stream, and the logins of browsers.
 * Edges match them before the table, whatever the method, so a route there would never be called: documents that declare
 * one are refused, and compilers report one that is announced.
 */
export const reservedPaths = [
  '/docs',
  '/docs/{path...}',
  '/openapi.json',
  '/v1/stream',
  '/auth/{path...}',
] as const;

const shapes = reservedPaths.map((path) => parseTemplate(path));

/** True when every path of the template is one that the gateway answers itself. Throws TemplateError for a bad path. */
export function isReserved(path: string): boolean {
  const segments = parseTemplate(path);
  return shapes.some((shape) => within(segments, shape));
}

function within(segments: readonly Segment[], shape: readonly Segment[]): boolean {
  for (let i = 0; i < shape.length; i++) {
    const reserved = shape[i] as Segment;
    const segment = segments[i];
    if (segment === undefined) return false;
    if (reserved.kind === 'rest') return true;
    if (reserved.kind === 'literal' && (segment.kind !== 'literal' || segment.text !== reserved.text))
      return false;
  }
  return segments.length === shape.length;
}
