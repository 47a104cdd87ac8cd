export { IntrospectionMethod } from './introspection/method.ts';
export { loginRoutes } from './session/login-routes.ts';
export { Logins } from './session/logins.ts';
export { Sessions, type SessionsOptions } from './session/sessions.ts';
