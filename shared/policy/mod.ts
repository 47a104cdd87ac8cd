export * as facts from './facts.ts';
export { authMethods, type AuthMethod } from './facts.ts';
export type { DeclaredRoute } from './document/route-policy.ts';
export { jwtAlgorithms, type Introspection, type Issuer, type Login } from './document/credentials.ts';
export {
  consumer as consumerSchema,
  type Consumer,
  type Limit,
  type Quota,
  type Role,
} from './document/callers.ts';
export type { AddressRules, ChannelRule, Cors, LiveLimits } from './document/traffic.ts';
export type { SecretReference } from './document/parts.ts';
export { gatewaySchema, type GatewayDocument, type GatewayInput } from './document/gateway.ts';
export { checkDocument, checkDocumentGently, type CheckResult } from './check/check.ts';
export { DocumentError, faultSentence, formatPath, type DocumentFault } from './check/fault.ts';
export { documentNotes } from './check/notes.ts';
export { isAddressOrBlock, isCountryRule } from './check/addresses.ts';
export { documentSchema, type JsonSchema } from './check/json-schema.ts';
export { formatFault, parseDocument, readText, type ParsedText, type TextFault } from './text/parse.ts';
export { loadDocumentFile, type LoadedFile } from './text/file.ts';
export { claimedRoles, grants, type Grants } from './grants.ts';
export { allRoles, builtinRoles } from './roles.ts';
export { allLimits, builtinLimits, loginLimit } from './limits.ts';
export { readSecret } from './secret.ts';
export { openConfigBucket } from './store/bucket.ts';
export {
  applyDocument,
  checkStorable,
  RevisionConflictError,
  type Applied,
  type ApplyOptions,
  type FileSource,
} from './store/apply.ts';
export {
  listRevisions,
  readCurrent,
  readRevision,
  type Current,
  type LoadedAs,
  type Revision,
} from './store/revisions.ts';
export { DocumentTooLargeError, type RevisionFacts } from './store/value.ts';
export {
  followDocument,
  type DocumentFollower,
  type DocumentListener,
  type FollowDocumentOptions,
} from './store/follow.ts';
export * from './consumers/mod.ts';
export { formatDocument } from './text/format.ts';
export { checkClaim } from './claims.ts';
export { Overrides, type Override } from './overrides.ts';
export { lostRoutes, type LostRoute } from './lost-routes.ts';
export { documentChanges, type DocumentChange } from './changes.ts';
