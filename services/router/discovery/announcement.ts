import { facts } from '@sluice/policy';
import type { AnnouncedPolicies, CompiledRoute } from '@sluice/routes';
import { maxValueLength, type ServiceEndpoint } from './instance.ts';

/** What a service says about one endpoint; null where it says nothing and the gateway document decides. */
export interface Announcement
  extends AnnouncedPolicies,
    Pick<
      CompiledRoute,
      'method' | 'path' | 'subject' | 'encoding' | 'headers' | 'schemaSubject' | 'validate' | 'summary'
    > {}

/**
 * What the service of a route in the table has announced, so that another document can be held against it. A route of an
 * earlier version does not tell what of it an override gave: it is closed until its service has been asked.
 */
export function announcementOf(route: CompiledRoute): Announcement {
  const { method, path, subject, encoding, headers, schemaSubject, validate, summary } = route;
  const { auth, roles, scopes, limits, cost, cors, contentTypes, timeoutMs, bodyLimit }: AnnouncedPolicies =
    route.announced ?? { ...route, auth: [] };
  return {
    method,
    path,
    subject,
    encoding,
    auth,
    roles,
    scopes,
    limits,
    cost,
    cors,
    contentTypes,
    timeoutMs,
    bodyLimit,
    headers,
    schemaSubject,
    validate,
    summary,
  };
}

/** Reads the metadata of DESIGN.md. Keys that are not known are ignored; a value that is malformed throws FactError. */
export function readAnnouncement({ metadata, subject }: ServiceEndpoint): Announcement {
  const read = <T>(key: string, parse: (text: string) => T): T | null => {
    const value = metadata[`sluice.${key}`];
    if (value === null)
      throw new facts.FactError(`sluice.${key} is no text of at most ${maxValueLength} characters`);
    const text = value?.trim();
    if (text === undefined || text === '') return null;
    try {
      return parse(text);
    } catch (error) {
      if (error instanceof facts.FactError) throw new facts.FactError(`sluice.${key}: ${error.message}`);
      throw error;
    }
  };
  const readList = <T>(key: string, parse: (texts: string[]) => T): T | null =>
    read(key, (text) =>
      parse(
        text
          .split(',')
          .map((part) => part.trim())
          .filter((part) => part !== ''),
      ),
    );
  const where = read('route', facts.methodAndPath);
  if (!where) throw new facts.FactError('sluice.route is empty');
  const encoding = read('encoding', facts.encoding) ?? 'raw';
  const schemaSubject = read('schema', facts.subject);
  const announced: Announcement = {
    ...where,
    subject: facts.subject(subject),
    encoding,
    auth: readList('auth', facts.auth),
    roles: readList('roles', facts.names) ?? [],
    scopes: readList('scopes', facts.scopes) ?? [],
    limits: readList('rate', facts.names) ?? [],
    cost: read('cost', facts.cost),
    cors: read('cors', (text) => facts.names([text])[0] as string),
    contentTypes: readList('content_types', facts.mediaTypes),
    timeoutMs: read('timeout', facts.timeout),
    bodyLimit: read('body_limit', facts.bodyLimit),
    headers: readList('headers', facts.headerNames) ?? [],
    schemaSubject,
    validate:
      schemaSubject !== null &&
      (read('validate', facts.validation) ?? (encoding === 'raw' ? 'gateway' : 'service')) === 'gateway',
    summary: read('summary', facts.summary),
  };
  if (announced.auth === 'public' && announced.roles.length + announced.scopes.length > 0)
    throw new facts.FactError('sluice.auth is public, yet scopes or roles are asked for');
  return announced;
}
