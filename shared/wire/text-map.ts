/**
 * A map of names from outside to values, as a plain object that inherits nothing: `__proto__` and `constructor` are
 * names like any others. Made by a constructor because engines keep those objects in their fast form, which
 * `Object.create(null)` is not (measured: ten times the cost per request).
 */
export const TextMap = function TextMap() {} as unknown as new <Value = string>() => Record<string, Value>;
TextMap.prototype = Object.create(null);
