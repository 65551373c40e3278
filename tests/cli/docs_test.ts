import { ok, strictEqual } from "node:assert/strict";
import { EXIT_CODE_MEANINGS } from "../../src/cli/exit_codes.ts";
import { OPTIONS } from "../../src/config/options.ts";
import { runCli } from "./run_cli.ts";
import { optionsPage } from "./options_page.ts";
import { withCommandsSection } from "./commands_section.ts";
import { moduleGraph } from "./module_graph.ts";
import { startupPage } from "./startup_page.ts";

const DOCS = new URL("../../docs/", import.meta.url);
const README = new URL("../../README.md", import.meta.url);
/** `deno fmt` wraps prose and aligns tables; only white space may differ, and the tables' rules. */
const plain = (text: string) => text.replace(/\|(?: *-+ *\|)+/g, "").replace(/\s+/g, " ");
const WRITE = Deno.env.get("MCP_CONNECT_WRITE_DOCS") === "1";

Deno.test("docs/options.md shows the options as they are (MCP_CONNECT_WRITE_DOCS=1 writes it anew)", async () => {
  const file = new URL("options.md", DOCS);
  if (WRITE) await Deno.writeTextFile(file, optionsPage());
  strictEqual(plain(await Deno.readTextFile(file)), plain(optionsPage()));
});

Deno.test("docs/startup.md shows what is loaded when (MCP_CONNECT_WRITE_DOCS=1 writes it anew)", async () => {
  const file = new URL("startup.md", DOCS);
  const page = startupPage(await moduleGraph("src/main.ts"));
  if (WRITE) await Deno.writeTextFile(file, page);
  strictEqual(plain(await Deno.readTextFile(file)), plain(page));
});

Deno.test("README.md shows the commands' help as it is (MCP_CONNECT_WRITE_DOCS=1 writes it anew)", async () => {
  const text = await Deno.readTextFile(README);
  const fresh = withCommandsSection(text);
  if (WRITE) await Deno.writeTextFile(README, fresh);
  strictEqual(await Deno.readTextFile(README), fresh);
});

Deno.test("docs/oauth.md says of every option for signing in what it is for", async () => {
  const text = await Deno.readTextFile(new URL("oauth.md", DOCS));
  for (const { name, group } of OPTIONS) {
    if (group === "Signing in (OAuth)") ok(text.includes(`--${name}`), `--${name} is not there`);
  }
});

Deno.test("docs/exit-codes.md has every exit code with its meaning", async () => {
  const text = await Deno.readTextFile(new URL("exit-codes.md", DOCS));
  for (const [code, meaning] of EXIT_CODE_MEANINGS) {
    ok(new RegExp(`^\\| ${code} +\\|`, "m").test(text), `no row for ${code}`);
    ok(text.includes(meaning), meaning);
  }
});

Deno.test("docs/permissions.md shows what permissions prints, and names every kind", async () => {
  const text = await Deno.readTextFile(new URL("permissions.md", DOCS));
  const [, command, flags] = /\$ mcp-connect (permissions .*) 2> \/dev\/null\n(.*)\n/.exec(text)!;
  const { stdout } = await runCli([...command!.split(" "), "--offline"], {
    env: { HOME: "/home/ada", XDG_STATE_HOME: "", MCP_CONNECT_NO_STORE: "" },
  });
  // Elsewhere the store is elsewhere.
  if (Deno.build.os === "linux") strictEqual(stdout, `${flags}\n`);
  for (const kind of ["sys", "run", "write", "ffi", "read", "env", "net"]) {
    ok(text.includes(`| \`${kind}\``), kind);
  }
});
