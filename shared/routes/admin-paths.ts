import { parseTemplate } from './template.ts';

/** Subjects of the admin service; NATS permissions give them to its user alone. */
const adminSubjects = 'sluice.admin.';

export const isAdminSubject = (subject: string): boolean => subject.startsWith(adminSubjects);

/** True for a template that is under `/admin` or is `/v1/usage`: places that only the admin service may have. Throws TemplateError. */
export function belongsToAdmin(path: string): boolean {
  const [first, second, ...more] = parseTemplate(path);
  if (first?.kind !== 'literal') return false;
  if (first.text === 'admin') return true;
  return first.text === 'v1' && second?.kind === 'literal' && second.text === 'usage' && more.length === 0;
}

/** The same for a path that was called, canonical and split: no template that begins with a parameter may take it. */
export function isAdminPath(segments: readonly string[]): boolean {
  return (
    segments[0] === 'admin' || (segments.length === 2 && segments[0] === 'v1' && segments[1] === 'usage')
  );
}
