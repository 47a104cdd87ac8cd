import type { CompiledRoute } from '@sluice/routes';

type Json = Record<string, unknown>;

/** Scheme names of the document are the credential methods of routes. */
const schemes: Readonly<Record<string, (sessionCookie: string) => Json>> = {
  key: () => ({
    type: 'apiKey',
    in: 'header',
    name: 'x-api-key',
    description: 'An API key. `Authorization: Bearer <key>` does as well.',
  }),
  jwt: () => ({
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'A JSON Web Token of an issuer that the gateway knows.',
  }),
  oauth: () => ({
    type: 'http',
    scheme: 'bearer',
    description: 'An opaque OAuth 2.0 access token.',
  }),
  session: (name) => ({
    type: 'apiKey',
    in: 'cookie',
    name,
    description: 'The session of a browser that has logged in.',
  }),
};

/** Nobody may call a closed route, so there is nothing to tell of it. */
export function isClosed(route: CompiledRoute): boolean {
  return route.auth !== 'public' && route.auth.length === 0;
}

/**
 * Any one of the credentials will do, and each has to bring all the scopes: since OpenAPI 3.1 a requirement of any type
 * names them ("Security Requirement Object").
 */
export function securityOf(route: CompiledRoute): Json[] {
  return route.auth === 'public' ? [] : route.auth.map((method) => ({ [method]: [...route.scopes] }));
}

/** The Security Scheme Objects of the credential methods that some operation takes. */
export function securitySchemes(methods: ReadonlySet<string>, sessionCookie: string): Json {
  return Object.fromEntries(
    [...methods]
      .toSorted()
      .flatMap((method) => (schemes[method] ? [[method, schemes[method](sessionCookie)]] : [])),
  );
}
