import { z } from 'zod';
import { envName, type ConfigDefinition } from './config.ts';

/** One row of the generated settings reference. */
export interface SettingDoc {
  readonly env: string;
  readonly type: string;
  readonly default: string;
  readonly description: string;
}

/** Rows for `docs/configuration.md`, in the order the settings are defined. */
export function describeConfig(definition: ConfigDefinition<z.ZodRawShape>): SettingDoc[] {
  const json = z.toJSONSchema(definition.schema, { io: 'input', unrepresentable: 'any' });
  return Object.entries(definition.schema.shape).map(([name, field]) => {
    const property = (json.properties?.[name] ?? {}) as Record<string, unknown>;
    const meta = z.globalRegistry.get(field as z.ZodType) as { description?: string };
    return {
      env: envName(field as z.ZodType),
      type: typeOf(property),
      default: property['default'] === undefined ? '' : JSON.stringify(property['default']),
      description: meta.description ?? '',
    };
  });
}

function typeOf(property: Record<string, unknown>): string {
  if (Array.isArray(property['enum'])) return property['enum'].join(' \\| ');
  return typeof property['type'] === 'string' ? property['type'] : 'string';
}
