import { parse } from "acorn";

/**
 * Has V8 compile the functions of a module with it, and not each when it is called first: what is compiled with the module is
 * kept in Deno's cache. V8 does so with functions that stand in parentheses. For a small module of which all is called.
 *
 * @param text a module, as JavaScript
 * @returns the same module; its declared functions are values that are there before everything else is run
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { eagerFunctions } from "./eager_functions.ts";
 *
 * strictEqual(eagerFunctions("f();function f(){}"), "var f=(function(){});f();");
 * ```
 */
export function eagerFunctions(text: string): string {
  const functions: string[] = [];
  let rest = "";
  let at = 0;
  for (const node of parse(text, { ecmaVersion: "latest", sourceType: "module" }).body) {
    if (node.type !== "FunctionDeclaration") continue;
    const { start, end, id } = node;
    // Its name is that of the variable.
    functions.push(`${id.name}=(${text.slice(start, id.start).trimEnd()}${text.slice(id.end, end)})`);
    rest += text.slice(at, start);
    at = end;
  }
  rest += text.slice(at);
  return functions.length === 0 ? text : `var ${functions.join(",")};${rest}`;
}
