import type { CredentialMethod } from './authenticator.ts';
import { jwtMethod } from './jwt/jwt-method.ts';
import { IntrospectionMethod } from '../oauth/introspection/method.ts';
import type { MethodContext } from './method-context.ts';

/** Makes every method besides API keys. Each follows the document by itself. */
export async function credentialMethods(context: MethodContext): Promise<CredentialMethod[]> {
  return Promise.all(makers.map(async (make) => make(context)));
}

/** Add a method here. A maker resolves when the method can judge, or can say that it cannot yet (503). */
const makers: readonly ((context: MethodContext) => CredentialMethod | Promise<CredentialMethod>)[] = [
  jwtMethod,
  (context) => new IntrospectionMethod(context),
];
