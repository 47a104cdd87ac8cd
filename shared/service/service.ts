import type { Bus } from '@sluice/nats';
import type { Endpoint } from './endpoint.ts';
import { envelopeExchange } from './exchange.ts';
import { compileHandler } from './handler.ts';
import type { ServiceReporter } from './measure.ts';
import { routeMetadata } from './metadata.ts';
import { startMicroService, type MicroEndpoint, type MicroService } from './micro.ts';
import { rawExchange } from './raw-exchange.ts';
import { schemaDocument } from './schema-document.ts';
import { DeadlineSignals } from './signals.ts';

export interface ServiceOptions {
  /** Letters, digits, `_` and `-`. */
  readonly name: string;
  /** Semantic version. */
  readonly version: string;
  /** One sentence for people. */
  readonly description: string;
  /** Queue group of every endpoint; default `q`. Instances of one group share the load. */
  readonly queue?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Told of errors that no client caused (500 and above); for the log. */
  readonly report?: ServiceReporter;
  /** What STATS replies say as `data`, made anew for each. */
  readonly data?: () => unknown;
  /** By endpoint name. */
  readonly endpoints: Readonly<Record<string, Endpoint>>;
}

/**
 * Starts a backend: an ADR-32 micro service whose endpoints with a `route` appear on the gateway within two seconds.
 * Throws TypeError for a definition that could not work, and BusError.
 *
 * @example
 * const service = await startService(bus, {
 *   name: 'orders', version: '1.0.0', description: 'Orders of a shop',
 *   endpoints: {
 *     get: endpoint({
 *       route: 'GET /v1/orders/{id}', summary: 'One order', params: z.object({ id: z.string() }),
 *       handler: ({ params }) => orders.find(params.id),
 *     }),
 *   },
 * });
 */
export async function startService(bus: Bus, options: ServiceOptions): Promise<MicroService> {
  const signals = new DeadlineSignals();
  const served: MicroEndpoint[] = [];
  for (const [name, endpoint] of Object.entries(options.endpoints)) {
    const schemaSubject = `sluice.schema.${options.name}.${name}`;
    const exchange = endpoint.route === undefined ? rawExchange : envelopeExchange;
    served.push({
      name,
      subject: endpoint.subject ?? `${options.name}.${name}`,
      ...(endpoint.queue === undefined ? {} : { queue: endpoint.queue }),
      metadata: routeMetadata(name, endpoint, schemaSubject),
      handle: compileHandler(name, endpoint, exchange, signals, options.report),
    });
  }
  return startMicroService(bus, {
    name: options.name,
    version: options.version,
    description: options.description,
    ...(options.queue === undefined ? {} : { queue: options.queue }),
    ...(options.metadata === undefined ? {} : { metadata: options.metadata }),
    ...(options.report === undefined ? {} : { report: options.report }),
    ...(options.data === undefined ? {} : { data: options.data }),
    endpoints: served,
    aside: schemaAnswers(options),
  });
}

/** Schemas answer beside the endpoints and are not among them: nobody wants them in the statistics. */
function schemaAnswers(options: ServiceOptions): Record<string, string> {
  return Object.fromEntries(
    Object.entries(options.endpoints)
      .filter(([, endpoint]) => endpoint.route !== undefined)
      .map(([name, endpoint]) => [
        `sluice.schema.${options.name}.${name}`,
        JSON.stringify(schemaDocument(endpoint)),
      ]),
  );
}
