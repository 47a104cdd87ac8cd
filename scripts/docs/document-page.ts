import { documentSchema, type JsonSchema } from '@sluice/policy';

interface Row {
  readonly place: string;
  readonly type: string;
  readonly fallback: string;
  readonly meaning: string;
}

/** The sections of the page on the gateway document: one per member, with a table of everything below it. */
export function documentSections(): string[] {
  const lines: string[] = [];
  for (const [name, schema] of Object.entries(documentSchema().properties ?? {})) {
    if (name === '$schema' || name === 'version') continue;
    const most = mostOf(schema);
    const bound = most === null ? '' : ` At most ${most} entries.`;
    lines.push(`## ${name}`, '', `${schema.description ?? ''}${bound}`, '');
    const rows = below(name, schema);
    if (rows.length > 0) {
      lines.push('| member | value | default | meaning |', '| --- | --- | --- | --- |');
      for (const { place, type, fallback, meaning } of rows)
        lines.push(`| \`${place}\` | ${type} | ${fallback} | ${meaning} |`);
      lines.push('');
    }
  }
  return lines.slice(0, -1);
}

/** Members of an object, of the objects in a list or under names, and of the alternatives, in the order of the schema. */
function below(place: string, schema: JsonSchema, required: readonly string[] = []): Row[] {
  const rows: Row[] = [];
  for (const form of formsOf(schema)) {
    for (const [name, member] of Object.entries(form.properties ?? {})) {
      const at = `${place}.${name}`;
      rows.push(row(at, member, (form.required ?? required).includes(name)), ...below(at, member));
    }
    if (form.items) rows.push(...below(`${place}[]`, form.items));
    if (isSchema(form.additionalProperties)) {
      const at = `${place}.<${namesOf(place)}>`;
      // What has no members of its own is told by the row of the object that holds it.
      rows.push(...below(at, form.additionalProperties));
    }
  }
  return rows.filter(({ place }, index) => rows.findIndex((other) => other.place === place) === index);
}

function row(place: string, schema: JsonSchema, required: boolean): Row {
  const fallback = 'default' in schema ? `\`${JSON.stringify(schema['default'])}\`` : '';
  return {
    place,
    type: typeOf(schema),
    fallback: required ? '**required**' : fallback,
    meaning: escape(schema.description ?? ''),
  };
}

function typeOf(schema: JsonSchema): string {
  if (schema.anyOf) return [...new Set(schema.anyOf.map(typeOf))].join(' or ');
  if ('const' in schema) return `\`${String(schema['const'])}\``;
  const choices = schema['enum'];
  if (Array.isArray(choices)) return choices.map((choice) => `\`${String(choice)}\``).join(', ');
  const most = mostOf(schema);
  const bound = most === null ? '' : `, at most ${most}`;
  if (schema['type'] === 'array')
    return `list of ${schema.items ? typeOf(schema.items) : 'anything'}${bound}`;
  if (schema['type'] === 'object') {
    const values = schema.additionalProperties;
    return isSchema(values) && Object.keys(values).length > 0
      ? `${typeOf(values)} by name${bound}`
      : 'object';
  }
  if (schema['type'] === 'integer') return `number${range(schema)}`;
  if (schema['type'] === 'boolean') return '`true`, `false`';
  if (isDuration(schema)) return `time${examples(schema)}`;
  return schema['type'] === 'string' ? 'text' : 'anything';
}

/** How many entries a list, or an object of members by name, may have; null where nothing says. */
function mostOf({ maxItems, maxProperties }: JsonSchema): string | null {
  const most = maxItems ?? maxProperties;
  return typeof most === 'number' ? most.toLocaleString('en') : null;
}

function range(schema: JsonSchema): string {
  const { minimum, maximum } = schema;
  const upper = typeof maximum === 'number' && maximum < Number.MAX_SAFE_INTEGER ? maximum : null;
  if (upper === null) return typeof minimum === 'number' ? ` from ${minimum}` : '';
  return ` from ${Number(minimum)} to ${upper.toLocaleString('en')}`;
}

function isDuration({ pattern }: JsonSchema): boolean {
  return typeof pattern === 'string' && pattern.includes('(?:ms|s|m');
}

function examples(schema: JsonSchema): string {
  const [least, most] = (schema['examples'] ?? []) as string[];
  return least === undefined ? ' like `500ms` or `2s`' : ` from \`${least}\` to \`${most}\``;
}

function namesOf(place: string): string {
  return place.endsWith('role_map') ? 'their role' : place === 'overrides' ? 'id' : 'name';
}

function formsOf(schema: JsonSchema): readonly JsonSchema[] {
  return schema.anyOf?.flatMap(formsOf) ?? [schema];
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null;
}

/** A bar would end the cell, and `<name>` would be taken for an element outside of code. */
function escape(text: string): string {
  return text.replaceAll('|', '\\|');
}
