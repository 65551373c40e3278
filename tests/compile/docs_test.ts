import { ok } from "node:assert/strict";
import { USAGE } from "../../scripts/compile/options.ts";
import { permissionTable } from "../../scripts/compile/permissions.ts";
import { TARGETS } from "../../scripts/compile/targets.ts";

const page = await Deno.readTextFile(new URL("../../docs/compile.md", import.meta.url));
/** `deno fmt` aligns tables; only white space may differ, and the tables' rules. */
const plain = (text: string) => text.replace(/\|(?: *-+ *\|)+/g, "").replace(/\s+/g, " ");

Deno.test("docs/compile.md shows the executables' permissions as they are", () => {
  ok(plain(page).includes(plain(permissionTable())), `the table should be:\n${permissionTable()}`);
});

Deno.test("docs/compile.md names every target and every option", () => {
  for (const { triple } of TARGETS) ok(page.includes(`\`${triple}\``), triple);
  for (const [, option] of USAGE.matchAll(/^ {2}(--[a-z-]+)/gm)) {
    if (option !== "--name") ok(page.includes(option!), option);
  }
});
