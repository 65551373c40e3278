import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { mcpbManifest } from "../../scripts/release/mcpb.ts";
import { targetFor } from "../../scripts/release/targets.ts";
import { ENTRY } from "../cli/run_cli.ts";
import { RELEASE } from "./release_files.ts";

interface Manifest {
  readonly server: {
    readonly mcp_config: {
      readonly command: string;
      readonly args: string[];
      readonly env: Record<string, string>;
    };
  };
  readonly user_config: Readonly<Record<string, { readonly required: boolean; readonly default?: string }>>;
}

/** What a desktop client makes of a bundle's settings, by what its user has entered. */
function environment(entered: Readonly<Record<string, string>>): Record<string, string> {
  const { server, user_config } = mcpbManifest(RELEASE, targetFor("linux", "x64")) as unknown as Manifest;
  return Object.fromEntries(
    Object.entries(server.mcp_config.env).map(([name, value]) => [
      name,
      value.replace(
        /\$\{user_config\.(\w+)\}/,
        (whole, key) => entered[key] ?? user_config[key]?.default ?? whole,
      ),
    ]),
  );
}

/** Starts the program as a bundle does. @returns the headers that the server was sent, the first time */
async function start(
  entered: (url: string) => Record<string, string>,
): Promise<Record<string, string | null>> {
  let seen: Record<string, string | null> | undefined;
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    if (request.method !== "POST") return new Response(null, { status: 405 });
    seen ??= { authorization: request.headers.get("authorization"), team: request.headers.get("x-team") };
    const { id } = await request.json();
    return id === undefined
      ? new Response(null, { status: 202 })
      : Response.json({ jsonrpc: "2.0", id, result: {} });
  });
  const { server: { mcp_config: { args } } } = mcpbManifest(
    RELEASE,
    targetFor("linux", "x64"),
  ) as unknown as Manifest;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "-A", ENTRY, ...args],
    env: {
      ...environment(entered(`http://127.0.0.1:${server.addr.port}/mcp`)),
      MCP_CONNECT_NO_STORE: "1",
      NO_PROXY: "127.0.0.1",
    },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode('{"jsonrpc":"2.0","id":1,"method":"ping"}\n'));
  await writer.close();
  const { code, stdout } = await child.output();
  strictEqual(code, 0);
  deepStrictEqual(JSON.parse(new TextDecoder().decode(stdout)), { jsonrpc: "2.0", id: 1, result: {} });
  return seen!;
}

Deno.test("a bundle connects when only the server was entered", async () => {
  deepStrictEqual(await start((endpoint) => ({ endpoint })), { authorization: null, team: null });
});

Deno.test("a bundle sends the token and the headers that were entered", async () => {
  const seen = await start((endpoint) => ({ endpoint, auth_token: "t", headers: "X-Team: blue, X-Key: k" }));
  deepStrictEqual(seen, { authorization: "Bearer t", team: "blue" });
});

Deno.test("what a bundle asks for is all that its command line names, and only the server has to be entered", () => {
  const { server, user_config } = mcpbManifest(RELEASE, targetFor("win32", "arm64")) as unknown as Manifest;
  const named = Object.values(server.mcp_config.env).map((value) =>
    value.match(/^\$\{user_config\.(\w+)\}$/)?.[1]
  );
  deepStrictEqual(named.sort(), Object.keys(user_config).sort());
  const required = Object.entries(user_config).filter(([, { required }]) => required).map(([name]) => name);
  deepStrictEqual(required, ["endpoint"]);
  strictEqual(server.mcp_config.command, "${__dirname}/server/mcp-connect.exe");
});
