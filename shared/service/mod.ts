export { z } from 'zod';
export { SluiceError } from '@sluice/errors';
export {
  endpoint,
  type Call,
  type Endpoint,
  type EndpointDefinition,
  type QueryValues,
} from './endpoint.ts';
export { pageQuery, type PageOptions } from './page.ts';
export { reply, type Reply, type ReplyOptions } from './reply.ts';
export { startService, type ServiceOptions } from './service.ts';
export { startMicroService, type MicroEndpoint, type MicroOptions, type MicroService } from './micro.ts';
export type { EndpointInfo, InfoDocument, PingDocument, StatsDocument } from './discovery.ts';
export type { MessageHandler, ServiceEvent, ServiceReporter } from './measure.ts';
export type { EndpointStats, EndpointStatsDocument } from './stats.ts';
export type { SchemaDocument } from './schema-document.ts';
export { respondError } from './failure.ts';
export { parseExactJson, parseVerbatimJson } from './exact-json.ts';
export { parseQuery } from './query.ts';
export { keepFirst, onceOnly, queryFields } from './query-fields.ts';
export { refuseCodedBody } from './content-coding.ts';
export { fieldsOf, type Field } from './fields.ts';
