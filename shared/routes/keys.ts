/** KV `config` holds what people wrote; KV `routes` holds the compiled table, one key per route, so that changes are small. */
export const configBucket = 'config';
export const routesBucket = 'routes';

export const routeKey = (id: string): string => `route.${id}`;
export const problemKey = (id: string): string => `problem.${id}`;
