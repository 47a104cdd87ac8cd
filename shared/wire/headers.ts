/**
 * Header fields as a flat list `[name, value, name, value, …]`, in the order they were sent and with repeated fields
 * kept apart: what node:http gives and takes without another copy. Names are lower case.
 */
export type FlatHeaders = readonly string[];

/** The first value of a field, or undefined. `name` in lower case. */
export function headerValue(headers: FlatHeaders, name: string): string | undefined {
  for (let i = 0; i < headers.length; i += 2) if (headers[i] === name) return headers[i + 1];
  return undefined;
}

/** Every value of a field, in order. `name` in lower case. */
export function headerValues(headers: FlatHeaders, name: string): string[] {
  const values: string[] = [];
  for (let i = 0; i < headers.length; i += 2) if (headers[i] === name) values.push(headers[i + 1] as string);
  return values;
}
