import type { GatewayDocument } from '../document/gateway.ts';
import type { DocumentFault } from './fault.ts';

const parts = ['params', 'query', 'headers', 'body', 'response'] as const;

/**
 * Checks the JSON Schemas of declared routes against the meta-schema of draft 2020-12. For whoever is about to store a
 * document; the library for it is loaded when there is a schema to check, so that those who only follow do not carry it.
 */
export async function checkRouteSchemas(document: GatewayDocument): Promise<DocumentFault[]> {
  if (document.routes.every(({ schema }) => schema === undefined)) return [];
  const { Ajv2020 } = await import('ajv/dist/2020.js');
  const ajv = new Ajv2020({ strict: false, logger: false });
  const faults: DocumentFault[] = [];
  for (const [index, { schema }] of document.routes.entries())
    for (const part of parts) {
      const written = schema?.[part];
      if (written === undefined || ajv.validateSchema(written) === true) continue;
      const [error] = ajv.errors ?? [];
      const place = (error?.instancePath ?? '').split('/').slice(1).map(unescape);
      faults.push({
        path: ['routes', index, 'schema', part, ...place],
        message: `is no JSON Schema (draft 2020-12): ${error?.message ?? 'it does not fit the meta-schema'}`,
        hint: null,
      });
    }
  return faults;
}

/** RFC 6901 section 4. */
function unescape(token: string): string | number {
  const text = token.replaceAll('~1', '/').replaceAll('~0', '~');
  return /^\d+$/.test(text) ? Number(text) : text;
}
