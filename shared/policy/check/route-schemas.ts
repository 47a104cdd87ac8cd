import { setImmediate } from 'node:timers/promises';
import type { GatewayDocument } from '../document/gateway.ts';
import type { DocumentFault } from './fault.ts';

/** The parts of `schema`, and how the router reads what they describe: texts count as what is asked for, bodies do not. */
const parts = {
  params: 'coerced',
  query: 'coerced',
  headers: 'coerced',
  body: 'exact',
  response: null,
} as const;

/** How long the check may hold up a process that serves requests beside it, milliseconds. */
const stepMs = 4;

/**
 * Checks the JSON Schemas of declared routes as the router will: the meta-schema of draft 2020-12, bounds, patterns and
 * references. For whoever is about to store a document; the libraries for it are loaded when there is a schema to check,
 * so that those who only follow do not carry them.
 */
export async function checkRouteSchemas(document: GatewayDocument): Promise<DocumentFault[]> {
  if (document.routes.every(({ schema }) => schema === undefined)) return [];
  const { schemaFaults } = await import('../schemas/faults.ts');
  const faults: DocumentFault[] = [];
  let began = performance.now();
  for (const [index, { schema }] of document.routes.entries()) {
    if (schema === undefined) continue;
    for (const [part, kind] of Object.entries(parts)) {
      const written = schema[part as keyof typeof parts];
      if (written === undefined) continue;
      for (const { path, ...fault } of schemaFaults(written, kind))
        faults.push({ ...fault, path: ['routes', index, 'schema', part, ...path] });
    }
    if (performance.now() - began < stepMs) continue;
    await setImmediate();
    began = performance.now();
  }
  return faults;
}
