export {
  plainRoute,
  type AnnouncedPolicies,
  type CompiledRoute,
  type RouteAddresses,
  type RouteAuth,
  type RouteOrigin,
  type RouteProblem,
  type RouteSchemas,
} from './route.ts';
export { builtinRoutes, openapiRoute } from './builtin.ts';
export {
  formatTemplate,
  parseTemplate,
  placeOf,
  TemplateError,
  templateShape,
  type Segment,
} from './template.ts';
export { RouteTrie, type RouteMatch } from './trie.ts';
export { problemKey, routeKey, routesBucket, configBucket } from './keys.ts';
export { belongsToAdmin, isAdminPath, isAdminSubject } from './admin-paths.ts';
export { isReserved, reservedPaths } from './reserved.ts';
export { followRoutes, type FollowOptions, type RouteChanges, type RouteTable } from './table.ts';
