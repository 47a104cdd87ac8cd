/** Grammar of ADR-32 for service and endpoint names. */
const name = /^[A-Za-z0-9_-]+$/;
/** One or more tokens without wildcards, spaces or control characters. */
const subject = /^[^\s.*>\p{Cc}]+(\.[^\s.*>\p{Cc}]+)*$/u;
const numeric = '(?:0|[1-9]\\d*)';
const prerelease = `(?:${numeric}|\\d*[A-Za-z-][0-9A-Za-z-]*)`;
/** Semantic Versioning 2.0.0, section 2, 9 and 10. */
const semver = new RegExp(
  `^${numeric}\\.${numeric}\\.${numeric}(?:-${prerelease}(?:\\.${prerelease})*)?(?:\\+[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*)?$`,
);

/** Throws TypeError: a service with a bad name would be invisible to every tool. */
export function checkName(kind: string, text: string): void {
  if (!name.test(text))
    throw new TypeError(`${kind} "${text}" may hold only letters, digits, "_" and "-" (ADR-32)`);
}

export function checkVersion(version: string): void {
  if (!semver.test(version))
    throw new TypeError(`version "${version}" is not a semantic version such as 1.0.0 (ADR-32)`);
}

export function checkSubject(text: string): void {
  if (!subject.test(text) || text.startsWith('$'))
    throw new TypeError(`"${text}" is not a subject that an endpoint can listen on`);
}
