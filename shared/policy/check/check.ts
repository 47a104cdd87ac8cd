import { setImmediate } from 'node:timers/promises';
import { z } from '@sluice/config';
import { gatewaySchema, type GatewayDocument } from '../document/gateway.ts';
import { declaredRoute } from '../document/route-policy.ts';
import { checkCallers } from './callers.ts';
import type { DocumentFault } from './fault.ts';
import { schemaFaults } from './issues.ts';
import { References } from './references.ts';
import { checkRoutes } from './routes.ts';
import { checkTraffic } from './traffic.ts';

export type CheckResult =
  | { readonly ok: true; readonly document: GatewayDocument }
  | { readonly ok: false; readonly faults: readonly DocumentFault[] };

/** Routes whose form is checked in one step: a few milliseconds. */
const routesPerStep = 250;
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

const routesSchema = z.array(declaredRoute);

function* checkForm(value: unknown): Generator<void, CheckResult> {
  const routes = routesOf(value);
  const rest = routes.length > routesPerStep ? { ...(value as object), routes: [] } : value;
  const parsed = gatewaySchema.safeParse(rest);
  const issues = [...(parsed.error?.issues ?? [])];
  if (rest === value)
    return parsed.success
      ? { ok: true, document: parsed.data }
      : { ok: false, faults: schemaFaults(issues, value) };
  const formed: GatewayDocument['routes'] = [];
  for (let from = 0; from < routes.length; from += routesPerStep) {
    yield;
    const some = routesSchema.safeParse(routes.slice(from, from + routesPerStep));
    if (some.success) formed.push(...some.data);
    else issues.push(...some.error.issues.map((issue) => ({ ...issue, path: placeOf(issue.path, from) })));
  }
  return parsed.success && issues.length === 0
    ? { ok: true, document: { ...parsed.data, routes: formed } }
    : { ok: false, faults: schemaFaults(issues, value) };
}

/** Where a fault is in the whole document that was found in a piece of its routes. */
function placeOf([index, ...rest]: readonly PropertyKey[], from: number): PropertyKey[] {
  return ['routes', Number(index) + from, ...rest];
}

/** Routes that can be looked at a few at a time; none where there is something else wrong with the list. */
function routesOf(value: unknown): readonly unknown[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  const { routes } = value as { routes?: unknown };
  return Array.isArray(routes) && routes.length <= 20_000 ? routes : [];
}
