import type { WireRequest } from '@sluice/wire';
import { callerWith, type Actor, type AdminRole } from './access.ts';
import { asSluiceError } from './http/failure.ts';
import type { Metrics } from './metrics.ts';

const auth = ['key', 'jwt', 'oauth', 'session'] as const;

/** What every endpoint that reads has in common. */
export const reads = { auth, roles: ['viewer'], timeout: '10s' } as const;
/** What every endpoint that changes something has in common. */
export const changes = { auth, roles: ['admin'], timeout: '15s' } as const;
/** For consumers themselves: any credential will do. */
export const own = { auth, timeout: '10s' } as const;

/** Subjects of the control API. NATS lets nobody else listen there. */
export const subjectOf = (name: string): string => `sluice.admin.${name}`;

/** Runs handlers: who calls is checked, what is thrown becomes an error for clients, and the time is measured. */
export class Handlers {
  readonly #metrics: Metrics;

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
  }

  /** For callers with the role. */
  as<T>(
    role: AdminRole,
    endpoint: string,
    request: WireRequest,
    work: (who: Actor) => Promise<T>,
  ): Promise<T> {
    return this.any(endpoint, async () => work(callerWith(request, role)));
  }

  /** For work that checks its caller itself. */
  async any<T>(endpoint: string, work: () => Promise<T>): Promise<T> {
    const end = this.#metrics.requestSeconds.startTimer({ endpoint });
    try {
      const result = await work();
      end({ status: '2xx' });
      return result;
    } catch (thrown) {
      const error = asSluiceError(thrown);
      end({ status: String(error.status) });
      throw error;
    }
  }
}
