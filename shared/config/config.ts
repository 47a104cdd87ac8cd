import { z } from 'zod';

/**
 * A process's settings: a flat zod object whose fields carry `.meta({ env, description })`. The same definition gives
 * defaults, environment names, validation and the reference page, so they cannot drift apart.
 */
export interface ConfigDefinition<Shape extends z.ZodRawShape> {
  readonly service: string;
  readonly schema: z.ZodObject<Shape>;
}

/** Thrown for settings that cannot be used; the message is one line per fault and names the environment variable. */
export class ConfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ConfigError';
  }
}

export function defineConfig<Shape extends z.ZodRawShape>(
  service: string,
  shape: Shape,
): ConfigDefinition<Shape> {
  for (const [name, field] of Object.entries(shape)) {
    const meta = z.globalRegistry.get(field as z.ZodType) as { env?: unknown } | undefined;
    if (typeof meta?.env !== 'string')
      throw new TypeError(`setting ${service}.${name} has no environment name`);
  }
  return { service, schema: z.object(shape) };
}

/**
 * Reads the settings from the environment and freezes them. An empty variable counts as absent, so that
 * `FOO= npm start` means the default. Throws {@link ConfigError}.
 */
export function loadConfig<Shape extends z.ZodRawShape>(
  definition: ConfigDefinition<Shape>,
  env: NodeJS.ProcessEnv,
): Readonly<z.infer<z.ZodObject<Shape>>> {
  const raw: Record<string, string> = {};
  for (const [name, field] of Object.entries(definition.schema.shape)) {
    const value = env[envName(field as z.ZodType)];
    if (value !== undefined && value !== '') raw[name] = value;
  }
  const parsed = definition.schema.safeParse(raw);
  if (parsed.success) return Object.freeze(parsed.data);
  const faults = parsed.error.issues.map((issue) => {
    const field = definition.schema.shape[String(issue.path[0])] as z.ZodType | undefined;
    return `${field ? envName(field) : issue.path.join('.')}: ${issue.message}`;
  });
  throw new ConfigError(`${definition.service} cannot start with these settings: ${faults.join('; ')}`);
}

export function envName(field: z.ZodType): string {
  return (z.globalRegistry.get(field) as { env: string }).env;
}
