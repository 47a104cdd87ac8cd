import { stringify } from 'yaml';

/** A document as YAML, the way people write it: long texts stay on their line, nothing is shared by aliases. */
export function formatDocument(input: unknown): string {
  return stringify(input, { lineWidth: 0, aliasDuplicateObjects: false });
}
