import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { SchemaError, type JsonSchema } from './json-schema.ts';
import { useDecimalMultipleOf } from './multiple-of.ts';
import { linearPattern } from './pattern.ts';
import { useLinearUniqueItems } from './unique-items.ts';

export type Fault = ErrorObject;

/** Checks a value; `coerce`d kinds change texts inside it into what the schema asks for. */
export interface Check {
  /** The first fault only: what most refusals need, and a bound on what a hostile body can make the router do. */
  readonly first: ValidateFunction;
  /** Every fault. Compiled when it is first needed. */
  readonly every: () => ValidateFunction;
}

/** Ajv names the engine in the code that it makes. */
const linear = Object.assign(linearPattern, { code: 'linear' });

/** What an instance can refer to by itself: the parts of the meta-schema. */
const own = new WeakMap<Ajv2020, ReadonlySet<string>>();

const instances = {
  exact: [ajv(false, false), ajv(false, true)],
  coerced: [ajv('array', false), ajv('array', true)],
} as const;

function ajv(coerceTypes: false | 'array', allErrors: boolean): Ajv2020 {
  const instance = new Ajv2020({
    strict: false,
    logger: false,
    // `1e999` and `?limit=Infinity` are numbers to JavaScript alone.
    strictNumbers: true,
    coerceTypes,
    allErrors,
    // A property called `constructor` is there when the client has sent it, not because every object inherits one.
    ownProperties: true,
    code: { regExp: linear },
  });
  addFormats.default(instance);
  useLinearUniqueItems(instance);
  useDecimalMultipleOf(instance);
  own.set(instance, new Set(Object.keys(instance.refs)));
  return instance;
}

/** Compiles a schema that `checkSchema` has taken. Throws {@link SchemaError} for references and patterns that cannot be followed. */
export function compileCheck(schema: JsonSchema, kind: keyof typeof instances): Check {
  const [one, all] = instances[kind];
  // Ajv forgets schemas by their objects, and a boolean is none.
  const object = typeof schema === 'boolean' ? { allOf: [schema] } : schema;
  let every: ValidateFunction | undefined;
  return { first: compile(one, object), every: () => (every ??= compile(all, object)) };
}

function compile(instance: Ajv2020, schema: object): ValidateFunction {
  try {
    return instance.compile(schema);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SchemaError(`a schema cannot be used: ${reason.slice(0, 200)}`);
  } finally {
    forget(instance, schema);
  }
}

/**
 * Schemas come and go with their routes, and what is compiled keeps what it needs. Ajv keeps the names inside a schema even
 * when it is told to remove it, and would refuse the schema of another route that uses them, or a newer one of this route.
 */
function forget(instance: Ajv2020, schema: object): void {
  instance.removeSchema(schema);
  const kept = own.get(instance);
  for (const name of Object.keys(instance.refs)) if (kept?.has(name) !== true) delete instance.refs[name];
}
