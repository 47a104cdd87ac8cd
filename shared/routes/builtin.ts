import { subjects } from '@sluice/wire';
import { plainRoute, type CompiledRoute } from './route.ts';

/**
 * The API reference's document: in the table like any other route, and known to edges without it. Making it asks every
 * service for its schemas, so it gets longer than a call does.
 */
export const openapiRoute: CompiledRoute = {
  ...plainRoute,
  id: 'openapi',
  method: 'GET',
  path: '/openapi.json',
  origin: 'declared',
  service: null,
  subject: subjects.openapi,
  encoding: 'msgpack',
  auth: 'public',
  timeoutMs: 10_000,
  summary: 'This API as an OpenAPI 3.1 document',
};

/** Routes that the gateway answers out of its own processes. */
export const builtinRoutes: readonly CompiledRoute[] = [openapiRoute];
