/** Routes, problems and candidates never change once made, so their JSON is made once. */
const cache = new WeakMap<object, string>();

export function jsonText(value: object): string {
  let text = cache.get(value);
  if (text === undefined) cache.set(value, (text = JSON.stringify(value)));
  return text;
}
