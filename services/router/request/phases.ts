import type { Bus } from '@sluice/nats';
import type { RouteTable } from '@sluice/routes';
import type { Traffic } from '../traffic.ts';
import type { RouteChecks } from '../validation/route-checks.ts';
import { call } from './call.ts';
import { decode } from './decode.ts';
import { encode } from './encode.ts';
import type { Phase } from './exchange.ts';
import { guard } from './guard.ts';
import { validate } from './validate.ts';

/** Order of the request path (DESIGN.md, "A request, phase by phase"). A phase nobody has built is not run. */
export const phaseOrder = ['decode', 'validate', 'transform', 'guard', 'call', 'compose', 'encode'] as const;

export type PhaseName = (typeof phaseOrder)[number];

export interface PhaseOptions {
  readonly bus: Bus;
  readonly table: RouteTable;
  readonly checks: RouteChecks;
  readonly traffic: Traffic;
  readonly observe: (seconds: number) => void;
  /** How long a request waits for a route that its edge knows and this router does not yet, milliseconds. */
  readonly patienceMs: number;
}

export function buildPhases(options: PhaseOptions): Phase[] {
  const built: Partial<Record<PhaseName, Phase>> = {
    decode: decode(options),
    validate: validate(options),
    guard: guard(),
    call: call(options),
    encode: encode(),
  };
  return phaseOrder.flatMap((name) => built[name] ?? []);
}
