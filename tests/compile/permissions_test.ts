import { deepEqual, ok } from "node:assert/strict";
import { permissionFlags, PERMISSIONS } from "../../scripts/compile/permissions.ts";
import { REPOSITORY } from "../support/program.ts";

/** What of Deno the program uses that no permission is asked for. */
const FREE = new Set(
  ("Deno.addSignalListener Deno.args Deno.build Deno.consoleSize Deno.exit Deno.noColor Deno.permissions " +
    "Deno.pid Deno.ppid Deno.removeSignalListener Deno.stderr Deno.stdin Deno.stdout Deno.unrefTimer " +
    "Deno.refTimer Deno.version Deno.mainModule node:crypto").split(" "),
);
/** Names that begin like these are types and tables. */
const TYPES = /^Deno\.(?:[A-Z]\w*(?<!Deno\.Command)|errors)$/;

Deno.test("the executables' permissions are named one by one, each with its reason", () => {
  deepEqual(
    permissionFlags("linux"),
    "--no-prompt --allow-net --allow-read --allow-write --allow-env --allow-run --allow-ffi --deny-import"
      .split(" "),
  );
  deepEqual(permissionFlags("darwin"), permissionFlags("linux"));
  deepEqual(permissionFlags("windows"), permissionFlags("linux").filter((it) => it !== "--allow-ffi"));
  deepEqual(
    PERMISSIONS.map(({ kind }) => kind),
    ["net", "read", "write", "env", "run", "ffi", "sys", "import"],
  );
  for (const { reason, kind } of PERMISSIONS) ok(reason.length > 20, kind);
});

Deno.test("what the program uses of Deno is what its permissions are for, no more and no less", async () => {
  const used = await usedInterfaces(`${REPOSITORY}src`);
  const named = new Set(PERMISSIONS.flatMap(({ uses }) => uses));
  const unnamed = [...used].filter((it) => !named.has(it) && !FREE.has(it));
  deepEqual(unnamed, [], "no permission is known for these");
  deepEqual([...named].filter((it) => !used.has(it)), [], "nothing uses these any more");
});

Deno.test("a permission that nothing uses is not granted", () => {
  for (const { kind, granted, uses } of PERMISSIONS) {
    deepEqual(granted.length > 0, uses.length > 0, kind);
  }
});

async function usedInterfaces(directory: string): Promise<Set<string>> {
  const used = new Set<string>();
  for await (const { name, isDirectory } of Deno.readDir(directory)) {
    const path = `${directory}/${name}`;
    if (isDirectory) {
      for (const it of await usedInterfaces(path)) used.add(it);
      continue;
    }
    // Comments and their examples use nothing; nor do patterns in text, of which none has a slash and a star.
    const text = (await Deno.readTextFile(path)).replace(/\/\*[^]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
    for (
      const [found] of text.matchAll(/\bDeno\.[a-zA-Z]+|"node:[a-z/]+"|(?<![\w.])fetch(?=\()/g)
    ) {
      const it = found.replaceAll('"', "");
      if (!TYPES.test(it)) used.add(it);
    }
  }
  return used;
}
