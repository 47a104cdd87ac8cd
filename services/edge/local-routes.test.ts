import { expect, test } from 'vitest';
import { isReserved, reservedPaths } from '@sluice/routes';
import { localRoutes } from './local-routes.ts';
import { loginRoutes, type Logins } from './oauth/mod.ts';
import { referencePages } from './reference/pages.ts';

/** Without a login in the document: its paths are taken all the same. */
const noLogins = { get: () => undefined } as unknown as Logins;
const context = { logins: noLogins } as Parameters<typeof loginRoutes>[0];
const local = localRoutes(await referencePages(), loginRoutes({ ...context, report: () => {} }));

const concrete = (path: string): string => path.replace('{path...}', 'main/login');

test.each(reservedPaths.map(concrete))('%s is answered here, as documents are told', (path) => {
  expect(local(path)).not.toBeNull();
});

test.each(['/', '/auth', '/authority/x', '/docsy', '/health', '/v1/streams', '/v1/usage', '/openapi'])(
  '%s is left to the table, and to documents',
  (path) => {
    expect(local(path)).toBeNull();
    expect(isReserved(path)).toBe(false);
  },
);
