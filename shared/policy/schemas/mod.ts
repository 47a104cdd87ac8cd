/**
 * JSON Schemas of routes, as routers take them. A module of its own: those who only follow the document do not carry the
 * libraries that it needs.
 */
export {
  checkSchema,
  dataKeywords,
  isObjectSchema,
  SchemaError,
  schemaKeywords,
  schemaListKeywords,
  schemaMapKeywords,
  type JsonSchema,
} from './json-schema.ts';
export { compileCheck, type Check, type Fault } from './compile.ts';
