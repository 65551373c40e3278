/**
 * Whether a path says by itself where it leads: it begins with a slash, or on Windows with a drive.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { isAbsolutePath } from "./absolute_path.ts";
 *
 * deepStrictEqual(["/a", "C:\\\\a", "a/b"].map(isAbsolutePath), [true, true, false]);
 * ```
 */
export function isAbsolutePath(path: string): boolean {
  return /^(?:[\\/]|[A-Za-z]:)/.test(path);
}
