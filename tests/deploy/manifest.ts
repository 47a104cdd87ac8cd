/** An object of Kubernetes as it stands in a manifest. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly [member: string]: unknown;
}

type ErrorOfField = { readonly instancePath: string; readonly message?: string; readonly keyword: string };
interface Validate {
  (value: unknown): boolean;
  errors?: ErrorOfField[] | null;
}

/**
 * Checks an object against the schemas of its own kind (Kubernetes 1.3x, compiled in npm package kubernetes-models), and
 * that it has no field that they do not know. The second is what an API server does with `--validate=strict`; the
 * compiled schemas do not, but they look at every field they know, so a field that nobody looked at does not exist.
 * Gives every fault in words, none for a correct object.
 */
export async function faultsOf(manifest: Manifest): Promise<string[]> {
  const name = schemaName(manifest.apiVersion, manifest.kind);
  const where = `${manifest.kind} ${manifest.metadata.name}`;
  let schema: { validate: Validate };
  try {
    schema = (await import(`kubernetes-models/_schemas/${name}`)) as typeof schema;
  } catch {
    return [`${where}: there is no kind ${manifest.kind} in ${manifest.apiVersion}`];
  }
  const watched = watch(manifest, '');
  const { validate } = schema;
  if (!validate(watched.value))
    return (validate.errors ?? []).map(
      ({ instancePath, keyword, message }) => `${where}${instancePath}: ${message ?? keyword}`,
    );
  return watched.unseen().map((field) => `${where}${field}: unknown field`);
}

/** `apps/v1`, `Deployment` → `IoK8sApiAppsV1Deployment`; groups of Kubernetes itself count by their first label. */
function schemaName(apiVersion: string, kind: string): string {
  const [version = '', group = 'core'] = apiVersion.split('/').reverse();
  const first = group.split('.')[0] as string;
  return `IoK8sApi${capital(first)}${capital(version)}${kind}`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The same value, and the paths of members of objects in it that nobody has read so far. */
function watch(value: unknown, path: string): { value: unknown; unseen: () => string[] } {
  if (typeof value !== 'object' || value === null) return { value, unseen: () => [] };
  const target = value as Record<string, unknown>;
  const children = new Map(
    Object.keys(target).map((key) => [key, watch(target[key], `${path}/${key}`)] as const),
  );
  const seen = new Set<string>(Array.isArray(value) ? children.keys() : []);
  const proxy = new Proxy(target, {
    get: (_, key) => {
      if (typeof key === 'symbol' || !children.has(key)) return Reflect.get(target, key) as unknown;
      seen.add(key);
      return children.get(key)?.value;
    },
  });
  const unseen = (): string[] =>
    [...children].flatMap(([key, child]) => (seen.has(key) ? child.unseen() : [`${path}/${key}`]));
  return { value: proxy, unseen };
}
