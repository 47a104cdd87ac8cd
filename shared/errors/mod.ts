export { errorCodes, type Code, type ErrorCode } from './codes.ts';
export { SluiceError, toSluiceError, type ErrorOptions, type FieldError } from './error.ts';
export { fragmentTokens, jsonPointer, unescapeToken, valueAt } from './json-pointer.ts';
export { problemContentType, problemHeaders, toProblem, type Problem } from './problem.ts';
