export { makeCertificate, type TestCertificate } from './certificate.ts';
export { startNatsServer, type TestNats } from './nats-server.ts';
export { createDatabase, startPostgres, type TestPostgres } from './postgres.ts';
export { nodeProgram, startProcess, startProgram, type LogLine, type TestProcess } from './process.ts';
export { startStack, type StackService, type TestStack } from './stack.ts';
export { projectRoot, realData } from './paths.ts';
export { startProxy, type TestProxy } from './proxy.ts';
export { until } from './until.ts';
export { RawClient, rawRequest, type RawResponse } from './raw-client.ts';
export {
  makeSigningKey,
  signToken,
  startTokenIssuer,
  testAudience,
  type SigningKey,
  type TokenIssuer,
} from './token-issuer.ts';
