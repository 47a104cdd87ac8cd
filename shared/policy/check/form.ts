import { z } from '@sluice/config';
import { gatewaySchema, type GatewayDocument } from '../document/gateway.ts';
import { declaredRoute } from '../document/route-policy.ts';
import { listEntry, mostListEntries } from '../document/traffic.ts';
import type { DocumentFault } from './fault.ts';
import { schemaFaults } from './issues.ts';

export type FormResult =
  | { readonly ok: true; readonly document: GatewayDocument }
  | { readonly ok: false; readonly faults: readonly DocumentFault[] };

type Issue = z.core.$ZodIssue;

/** Members whose form is checked in one step: a few milliseconds. */
const routesPerStep = 250;
const entriesPerStep = 5_000;
/** The bound of the schema: a list beyond it is told of as a whole. */
const mostRoutes = 20_000;

const routesSchema = z.array(declaredRoute);
const entriesSchema = z.array(listEntry);

/** Checks the form of every part. Stops between steps, so that others can have a turn: routes and address lists may be long. */
export function* checkForm(value: unknown): Generator<void, FormResult> {
  const routes = longList(value, 'routes', routesPerStep, mostRoutes);
  const lists = longLists(value);
  const parsed = gatewaySchema.safeParse(without(value, routes !== null, lists));
  const issues: Issue[] = [...(parsed.error?.issues ?? [])];
  const formed = routes && (yield* inSteps(routesSchema, routes, ['routes'], routesPerStep, issues));
  for (const [name, entries] of lists)
    yield* inSteps(entriesSchema, entries, ['addresses', 'lists', name], entriesPerStep, issues);
  if (!parsed.success || issues.length > 0) return { ok: false, faults: schemaFaults(issues, value) };
  const { data } = parsed;
  // Entries are taken as they are written, so they need not be put together again.
  const all = { ...data.addresses.lists, ...Object.fromEntries(lists as [string, string[]][]) };
  const addresses = lists.length === 0 ? data.addresses : { ...data.addresses, lists: all };
  return { ok: true, document: { ...data, ...(formed && { routes: formed }), addresses } };
}

function* inSteps<Member>(
  schema: z.ZodType<Member[]>,
  members: readonly unknown[],
  path: readonly PropertyKey[],
  perStep: number,
  issues: Issue[],
): Generator<void, Member[]> {
  const formed: Member[] = [];
  for (let from = 0; from < members.length; from += perStep) {
    yield;
    const some = schema.safeParse(members.slice(from, from + perStep));
    if (some.success) formed.push(...some.data);
    else
      for (const issue of some.error.issues) {
        const [index, ...rest] = issue.path;
        issues.push({ ...issue, path: [...path, Number(index) + from, ...rest] });
      }
  }
  return formed;
}

/** The document with long lists taken out. */
function without(value: unknown, routes: boolean, lists: readonly (readonly [string, unknown])[]): unknown {
  if (!routes && lists.length === 0) return value;
  const rest: Record<string, unknown> = { ...(value as object), ...(routes && { routes: [] }) };
  if (lists.length === 0) return rest;
  const addresses = rest['addresses'] as { readonly lists: object };
  const short = Object.fromEntries(lists.map(([name]) => [name, []]));
  return { ...rest, addresses: { ...addresses, lists: { ...addresses.lists, ...short } } };
}

/** Address lists that are looked at a few entries at a time. */
function longLists(value: unknown): [string, readonly unknown[]][] {
  const lists = member(member(value, 'addresses'), 'lists');
  if (typeof lists !== 'object' || lists === null || Array.isArray(lists)) return [];
  return Object.keys(lists).flatMap((name) => {
    const entries = longList(lists, name, entriesPerStep, mostListEntries);
    return entries === null ? [] : [[name, entries]];
  });
}

/** Null where the list is short, or where there is something else wrong with it. */
function longList(value: unknown, name: string, short: number, most: number): readonly unknown[] | null {
  const list = member(value, name);
  return Array.isArray(list) && list.length > short && list.length <= most ? list : null;
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
}
