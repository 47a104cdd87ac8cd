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

/**
 * Compiles schemas, which come and go with their routes. Ajv keeps the values that compiled code uses as long as there is
 * the instance, whatever it is told to remove; so a new instance takes over after every {@link mostSchemas} schemas, and
 * the one before goes with the last check that it has made.
 */
class Compiler {
  readonly #make: () => Ajv2020;
  #instance: Ajv2020;
  /** What an instance can refer to by itself: the parts of the meta-schema. */
  readonly #own: ReadonlySet<string>;
  #compiled = 0;

  constructor(coerceTypes: false | 'array', allErrors: boolean) {
    this.#make = () => ajv(coerceTypes, allErrors);
    this.#instance = this.#make();
    this.#own = new Set(Object.keys(this.#instance.refs));
  }

  /** Throws {@link SchemaError}. */
  compile(schema: object): ValidateFunction {
    if ((this.#compiled += 1) > mostSchemas) {
      this.#instance = this.#make();
      this.#compiled = 1;
    }
    try {
      return this.#instance.compile(schema);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new SchemaError(`a schema cannot be used: ${reason.slice(0, 200)}`);
    } finally {
      this.#forget(schema);
    }
  }

  /** The names inside a schema stay otherwise: another route that uses them, or this one when it changes, would be refused. */
  #forget(schema: object): void {
    this.#instance.removeSchema(schema);
    const { refs } = this.#instance;
    for (const name of Object.keys(refs)) if (!this.#own.has(name)) delete refs[name];
  }
}

/** Schemas that one instance compiles: what a check that lives for long keeps alive beside itself at most. */
const mostSchemas = 100;

const compilers = {
  exact: [new Compiler(false, false), new Compiler(false, true)],
  coerced: [new Compiler('array', false), new Compiler('array', true)],
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
  return instance;
}

/** Compiles a schema that `checkSchema` has taken. Throws {@link SchemaError} for references and patterns that cannot be followed. */
export function compileCheck(schema: JsonSchema, kind: keyof typeof compilers): Check {
  const [one, all] = compilers[kind];
  // Ajv forgets schemas by their objects, and a boolean is none.
  const object = typeof schema === 'boolean' ? { allOf: [schema] } : schema;
  let every: ValidateFunction | undefined;
  return { first: one.compile(object), every: () => (every ??= all.compile(object)) };
}
