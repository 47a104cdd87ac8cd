import { setImmediate } from 'node:timers/promises';
import type { GatewayDocument } from '../document/gateway.ts';
import { checkCallers } from './callers.ts';
import type { DocumentFault } from './fault.ts';
import { checkForm } from './form.ts';
import { References } from './references.ts';
import { checkRoutes } from './routes.ts';
import { checkTraffic } from './traffic.ts';

export type CheckResult =
  | { readonly ok: true; readonly document: GatewayDocument }
  | { readonly ok: false; readonly faults: readonly DocumentFault[] };

/** How long a check may hold up a process that serves requests beside it, milliseconds. */
const stepMs = 4;

/**
 * Checks a whole document as people write it (the value of its YAML or JSON): the form of every part, then what the
 * parts say about each other. It is taken whole or not at all; every fault is listed. Needs no network and reads no file.
 */
export function checkDocument(value: unknown): CheckResult {
  const steps = check(value);
  let step = steps.next();
  while (!step.done) step = steps.next();
  return step.value;
}

/** The same for a process that serves requests meanwhile: ten thousand routes take it a tenth of a second, in small steps. */
export async function checkDocumentGently(value: unknown): Promise<CheckResult> {
  const steps = check(value);
  let began = performance.now();
  let step = steps.next();
  while (!step.done) {
    if (performance.now() - began > stepMs) {
      await setImmediate();
      began = performance.now();
    }
    step = steps.next();
  }
  return step.value;
}

/** Stops between steps, so that others can have a turn. */
function* check(value: unknown): Generator<void, CheckResult> {
  const formed = yield* checkForm(value);
  if (!formed.ok) return formed;
  const { document } = formed;
  const references = new References(document);
  yield* checkRoutes(document, references);
  checkCallers(document, references);
  yield* checkTraffic(document, references);
  return references.faults.length === 0 ? { ok: true, document } : { ok: false, faults: references.faults };
}
