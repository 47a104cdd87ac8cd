import type { CompiledRoute } from '@sluice/routes';
import { subjects } from '@sluice/wire';

/** Routes that the gateway answers out of its own processes, in the table like any other. */
export const builtinRoutes: readonly CompiledRoute[] = [
  {
    id: 'openapi',
    method: 'GET',
    path: '/openapi.json',
    origin: 'declared',
    service: null,
    subject: subjects.openapi,
    encoding: 'msgpack',
    auth: 'public',
    timeoutMs: 10_000,
    bodyLimit: null,
    headers: [],
    schemaSubject: null,
    summary: 'This API as an OpenAPI 3.1 document',
  },
];
