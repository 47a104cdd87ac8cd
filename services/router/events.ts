import { isBusError } from '@sluice/nats';
import type { RouteProblem } from '@sluice/routes';
import type { Logger } from '@sluice/telemetry';
import type { CompilerEvent } from './compile/compiler.ts';
import type { TableWrite } from './compile/diff.ts';
import type { FileEvent } from './declared/gateway-file.ts';
import type { RouterMetrics } from './metrics.ts';
import type { Refusal } from './request/handler.ts';

/** What the router's parts tell, as log lines and figures. */
export function routerEvents(logger: Logger, metrics: RouterMetrics) {
  return {
    compiler(event: CompilerEvent): void {
      if (event.kind === 'trouble') logger.warn({ err: event.error }, event.detail);
      else if (event.kind === 'written') logWrites(logger, event.writes);
      else {
        metrics.compile.observe(event.seconds);
        metrics.problems.set(event.problems);
      }
    },

    leading(leading: boolean): void {
      metrics.leader.set(leading ? 1 : 0);
      if (!leading) metrics.problems.set(0);
      logger.info(leading ? 'compiling the route table' : 'no longer compiling the route table');
    },

    file(event: FileEvent): void {
      if (event.kind === 'not stored')
        return logger.error({ err: event.error }, 'gateway document could not be stored, trying again');
      metrics.fileValid.set(event.kind === 'refused' ? 0 : 1);
      if (event.kind === 'refused')
        return logger.error(
          { faults: event.faults },
          `gateway file refused, the document before stays: ${event.faults.join('; ')}`,
        );
      if (event.kind === 'kept')
        return logger.info(
          { revision: event.revision },
          'gateway file not applied: it has not changed since a router applied it, and another document was applied since',
        );
      const { revision, changed, routes } = event;
      return logger.info({ revision, changed, routes }, 'gateway file loaded');
    },

    /** The client has its problem document; the log has the cause. Ordinary refusals are the edge's access record. */
    refusal({ error, requestId, route }: Refusal): void {
      const facts = { request_id: requestId, route, code: error.code, err: error.cause };
      if (error.code === 'internal') logger.error(facts, 'request failed in the router');
      else if (error.code === 'bad_backend_response') logger.warn(facts, 'backend answered nonsense');
      else if (!isBusError(error.cause)) logger.debug(facts, 'request refused');
    },

    schema({ route, detail }: { route: string; detail: string }): void {
      logger.warn({ route, detail }, 'schema left out of the API document');
    },
  };
}

/** A problem is written when it is new or different: so it is logged once. */
function logWrites(logger: Logger, writes: readonly TableWrite[]): void {
  let put = 0;
  let removed = 0;
  for (const write of writes) {
    if (!write.key.startsWith('problem.')) {
      if (write.kind === 'delete') removed++;
      else put++;
    } else if (write.kind !== 'delete') {
      const { id, source, detail } = JSON.parse(write.text) as RouteProblem;
      logger.warn({ route: id, source, detail }, 'route left out of the table');
    }
  }
  if (put + removed > 0) logger.info({ put, removed }, 'route table changed');
}
