export * as facts from './facts.ts';
export { authMethods, type AuthMethod, type DeclaredRoute } from './document/route-policy.ts';
export { jwtAlgorithms, type Introspection, type Issuer, type Login } from './document/credentials.ts';
export type { Consumer, Limit, Quota, Role } from './document/callers.ts';
export type { AddressRules, ChannelRule, Cors, LiveLimits } from './document/traffic.ts';
export type { SecretReference } from './document/parts.ts';
export { gatewaySchema, type GatewayDocument, type GatewayInput } from './document/gateway.ts';
export * from './consumers/mod.ts';
