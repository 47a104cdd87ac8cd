export type { CompiledRoute, RouteAuth, RouteOrigin, RouteProblem } from './route.ts';
export { formatTemplate, parseTemplate, TemplateError, templateShape, type Segment } from './template.ts';
export { RouteTrie, type RouteMatch } from './trie.ts';
export { problemKey, routeKey, routesBucket, configBucket } from './keys.ts';
export { isReserved, reservedPaths } from './reserved.ts';
export { followRoutes, type FollowOptions, type RouteChanges, type RouteTable } from './table.ts';
