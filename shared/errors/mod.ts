export { errorCodes, type Code, type ErrorCode } from './codes.ts';
export { SluiceError, toSluiceError, type ErrorOptions, type FieldError } from './error.ts';
export { problemContentType, problemHeaders, toProblem, type Problem } from './problem.ts';
