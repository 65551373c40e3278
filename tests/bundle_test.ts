/** The bundle as it is shipped, on a machine that has nothing else: the runtime and its files, in a `PATH` of their own. */
import { match, ok, strictEqual } from "node:assert/strict";
import { bundleProgram } from "../scripts/bundle.ts";
import { VERSION } from "../src/version.ts";
import { startModernHttpServer } from "./support/modern_servers.ts";
import { type Program, REPOSITORY, startProgram } from "./support/program.ts";
import { startRawServer } from "./support/raw_server.ts";

Deno.test({
  name: "the bundle and the runtime are enough: nothing else in the PATH, no home, no registry, no source",
  // A command is found there by a link, and a session by signals' end.
  ignore: Deno.build.os === "windows",
  async fn() {
    const directory = await Deno.makeTempDir();
    try {
      await bundleProgram(`${REPOSITORY}src/main.ts`, `${directory}/lib`);
      await Deno.mkdir(`${directory}/bin`);
      await Deno.mkdir(`${directory}/empty`);
      await Deno.symlink(Deno.execPath(), `${directory}/bin/deno`);
      const nowhere = "http://127.0.0.1:1";
      const start = (args: string[], protocol = false): Program =>
        startProgram(args, {
          entry: [
            `${directory}/bin/deno`,
            "run",
            "--no-config",
            "--no-lock",
            "--cached-only",
            "-A",
            `${directory}/lib/mcp-connect.js`,
          ],
          cwd: `${directory}/empty`,
          env: {
            ...Object.fromEntries(Object.keys(Deno.env.toObject()).map((name) => [name, undefined])),
            PATH: `${directory}/bin`,
            DENO_DIR: `${directory}/empty`,
            HTTPS_PROXY: nowhere,
          },
          protocol,
        });

      await using legacy = await startRawServer();
      await using modern = startModernHttpServer();
      for (const url of [legacy.url, modern.url]) {
        await using program = start(["proxy", url], true);
        await program.initialize();
        ok((await program.request("tools/list")).result.tools.length > 0);
        await program.closeStdin();
        strictEqual((await program.status).code, 0, program.stderr());
      }
      const table: [args: string[], printed: RegExp][] = [
        [["--version"], new RegExp(`^mcp-connect ${VERSION.replaceAll(".", "\\.")}\n$`)],
        [["help", "load-balance"], /--endpoints-file/],
        [["completions", "bash"], /complete .*mcp-connect/],
        [["test", legacy.url], /Streamable HTTP/],
        [["status", "--store", `${directory}/empty/store`], /./],
        [["notification-demo", "--count", "1"], /notifications\/message/],
      ];
      // One file of the bundle says what an error means that another throws.
      const broken: [args: string[], said: RegExp][] = [
        [["--", "no-such-command"], /command not found: no-such-command.*"hint":"Is it installed/],
        [
          ["tcp://127.0.0.1:1", "--retry-attempts", "0"],
          /refused the connection.*"hint":"Is the server running/,
        ],
      ];
      for (const [args, said] of broken) {
        await using program = start(["proxy", ...args], true);
        const params = {
          protocolVersion: "2025-11-25",
          capabilities: {},
          clientInfo: { name: "x", version: "1" },
        };
        match(JSON.stringify((await program.request("initialize", params)).error), said);
      }
      for (const [args, printed] of table) {
        await using program = start(args);
        await program.closeStdin();
        strictEqual((await program.status).code, 0, `${args.join(" ")}: ${program.stderr()}`);
        match(program.stdout(), printed);
      }
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});
