/** One segment of a path template. `rest` takes everything that is left, at least one segment. */
export type Segment =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'param'; readonly name: string }
  | { readonly kind: 'rest'; readonly name: string };

export class TemplateError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'TemplateError';
  }
}

const paramName = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;
/** RFC 3986 section 3.3 pchar without percent escapes: a template is written in plain characters. */
const literalText = /^[A-Za-z0-9\-._~!$&'()*+,;=:@]+$/;
const maxSegments = 32;

/** Parses `/v1/orders/{id}` and `/files/{path...}`. Throws {@link TemplateError} with what is wrong and where. */
export function parseTemplate(path: string): Segment[] {
  if (!path.startsWith('/')) throw new TemplateError(`path "${path}" must start with "/"`);
  if (path === '/') return [];
  const parts = path.slice(1).split('/');
  if (parts.length > maxSegments)
    throw new TemplateError(`path "${path}" has more than ${maxSegments} segments`);
  const names = new Set<string>();
  return parts.map((part, index) => {
    if (part === '') throw new TemplateError(`path "${path}" has an empty segment`);
    if (part === '.' || part === '..') throw new TemplateError(`path "${path}" has a dot segment`);
    if (!part.startsWith('{') || !part.endsWith('}')) {
      if (!literalText.test(part))
        throw new TemplateError(`segment "${part}" of "${path}" has a character that paths cannot hold`);
      return { kind: 'literal', text: part };
    }
    const rest = part.endsWith('...}');
    const name = part.slice(1, rest ? -4 : -1);
    // `__proto__` would vanish from the object that holds the parameters.
    if (!paramName.test(name) || name === '__proto__')
      throw new TemplateError(`parameter "${part}" of "${path}" is not a name`);
    if (names.has(name)) throw new TemplateError(`parameter "${name}" appears twice in "${path}"`);
    if (rest && index !== parts.length - 1)
      throw new TemplateError(`"${part}" of "${path}" must be the last segment`);
    names.add(name);
    return { kind: rest ? 'rest' : 'param', name };
  });
}

export function formatTemplate(segments: readonly Segment[]): string {
  return `/${segments.map(formatSegment).join('/')}`;
}

/** Two templates with the same shape match the same paths: parameter names do not tell routes apart. */
export function templateShape(segments: readonly Segment[]): string {
  return `/${segments.map((segment) => (segment.kind === 'literal' ? segment.text : segment.kind === 'param' ? '{}' : '{...}')).join('/')}`;
}

/** Where a route stands in the table: two routes with one place answer the same requests. */
export function placeOf(route: { readonly method: string; readonly path: string }): string {
  return `${route.method} ${templateShape(parseTemplate(route.path))}`;
}

function formatSegment(segment: Segment): string {
  if (segment.kind === 'literal') return segment.text;
  return segment.kind === 'param' ? `{${segment.name}}` : `{${segment.name}...}`;
}
