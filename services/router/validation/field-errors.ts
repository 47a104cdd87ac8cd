import { jsonPointer, SluiceError, type FieldError } from '@sluice/errors';
import type { Fault } from '@sluice/policy/schemas';

/** A body of half a million wrong items must not become an answer larger than a NATS message. */
const mostErrors = 100;

/** Ajv's faults in the words of problem documents; pointers are RFC 6901 and name the member that is missing or too much. */
export function fieldErrors(
  part: FieldError['in'],
  faults: readonly Fault[] | null | undefined,
): FieldError[] {
  return (faults ?? []).map((fault) => {
    const { instancePath, keyword, params } = fault;
    const at = (member: unknown): string => instancePath + jsonPointer([String(member)]);
    switch (keyword) {
      case 'required':
      case 'dependentRequired':
        return { in: part, pointer: at(params['missingProperty']), detail: 'is required' };
      case 'additionalProperties':
      case 'unevaluatedProperties':
        return {
          in: part,
          pointer: at(params['additionalProperty'] ?? params['unevaluatedProperty']),
          detail: 'is not known here',
        };
      case 'enum':
        return {
          in: part,
          pointer: instancePath,
          detail: `must be one of ${listed(params['allowedValues'])}`,
        };
      default:
        return {
          in: part,
          pointer: instancePath,
          detail: fault.message ?? 'is not what the endpoint expects',
        };
    }
  });
}

/** The refusal that lists the faults, at most a hundred. */
export function invalid(errors: readonly FieldError[]): SluiceError {
  const more = errors.length - mostErrors;
  const detail =
    more > 0
      ? `The request is not what the endpoint expects; ${more} more errors are not listed.`
      : 'The request is not what the endpoint expects.';
  return new SluiceError('invalid_parameters', detail, { errors: errors.slice(0, mostErrors) });
}

function listed(values: unknown): string {
  return Array.isArray(values)
    ? values
        .slice(0, 20)
        .map((value) => JSON.stringify(value))
        .join(', ')
    : 'the allowed values';
}
