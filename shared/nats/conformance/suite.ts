import { describe } from 'vitest';
import { closingCases, outageCases } from './endings.ts';
import type { HarnessFactory } from './harness.ts';
import { messageCases } from './messages.ts';
import { requestCases } from './requests.ts';

/** What every implementation of the Bus port has to do, whatever it is made of. */
export function busConformance(name: string, factory: HarnessFactory): void {
  describe(`${name} as a bus`, () => {
    requestCases(factory);
    messageCases(factory);
    closingCases(factory);
    outageCases(factory);
  });
}
