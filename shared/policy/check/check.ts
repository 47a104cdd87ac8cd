import { gatewaySchema, type GatewayDocument } from '../document/gateway.ts';
import { checkCallers } from './callers.ts';
import type { DocumentFault } from './fault.ts';
import { schemaFaults } from './issues.ts';
import { References } from './references.ts';
import { checkRoutes } from './routes.ts';
import { checkTraffic } from './traffic.ts';

export type CheckResult =
  | { readonly ok: true; readonly document: GatewayDocument }
  | { readonly ok: false; readonly faults: readonly DocumentFault[] };

/**
 * Checks a whole document as people write it (the value of its YAML or JSON): the form of every part, then what the
 * parts say about each other. It is taken whole or not at all; every fault is listed. Needs no network and reads no file.
 */
export function checkDocument(value: unknown): CheckResult {
  const parsed = gatewaySchema.safeParse(value);
  if (!parsed.success) return { ok: false, faults: schemaFaults(parsed.error.issues, value) };
  const references = new References(parsed.data);
  checkRoutes(parsed.data, references);
  checkCallers(parsed.data, references);
  checkTraffic(parsed.data, references);
  return references.faults.length === 0
    ? { ok: true, document: parsed.data }
    : { ok: false, faults: references.faults };
}
