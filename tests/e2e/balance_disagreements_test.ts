/** Upstreams that are not the replicas they are taken for: reported, and asked for what they have. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { type Program, startProgram } from "../support/program.ts";
import { type RawServer, startRawServer } from "../support/raw_server.ts";

const tool = (name: string, more: Record<string, unknown> = {}) => ({
  name,
  inputSchema: { type: "object" },
  ...more,
});

function startPool(servers: readonly RawServer[], ...more: string[]): Program {
  return startProgram(["load-balance", ...servers.map(({ url }) => url), "--health-interval", "0", ...more]);
}

/** The names of the tools that a server was asked to call. */
function called(server: RawServer): unknown[] {
  return server.calls("tools/call").map(({ message }) => message.params?.name);
}

/** Reads the list of tools until it comes from an upstream that has this one. */
async function readList(program: Program, name: string): Promise<void> {
  let shown: string;
  do shown = JSON.stringify((await program.request("tools/list")).result); while (
    !shown.includes(`"${name}"`)
  );
}

Deno.test("a tool that only some upstreams have is called where it is", async () => {
  await using first = await startRawServer({ tools: [tool("common"), tool("new")] });
  await using second = await startRawServer({ tools: [tool("common")] });
  await using third = await startRawServer({ tools: [tool("common"), tool("new")] });
  const servers = [first, second, third];
  await using program = startPool(servers);
  await program.initialize();
  await readList(program, "new");
  for (let i = 0; i < 6; i++) {
    const { error } = await program.request("tools/call", { name: "new", arguments: {} });
    strictEqual(error, undefined);
  }
  deepStrictEqual(called(second), []);
  strictEqual(called(first).length + called(third).length, 6);
  for (let i = 0; i < 6; i++) await program.request("tools/call", { name: "common", arguments: {} });
  ok(called(second).length >= 2, "what all have is spread over all");
  const [warning] = await program.waitStderr(/WARN .*list is not what the client was shown.*/);
  ok(warning.includes(second.url) && warning.includes("lacks=new"), warning);
});

Deno.test("a tool that no list names does not move a client that stays, unless another is known to have it", async () => {
  const common = tool("common", { annotations: { readOnlyHint: true } });
  await using first = await startRawServer({ tools: [common] });
  await using second = await startRawServer({ tools: [common, tool("more")] });
  await using program = startPool([first, second], "--affinity", "session");
  await program.initialize();
  await program.request("tools/list");
  const home = first.calls("tools/list").length === 1 ? first : second;
  strictEqual(home, first);
  for (let i = 0; i < 3; i++) await program.request("tools/call", { name: "unlisted", arguments: {} });
  await program.request("tools/call", { name: "more", arguments: {} });
  deepStrictEqual([called(first), called(second)], [["unlisted", "unlisted", "unlisted", "more"], []]);
  // The other's list is read when it is asked for what the first did not answer.
  first.on("tools/call", (_request, reply) => reply.reset());
  await program.request("tools/call", { name: "common", arguments: {} });
  first.on("tools/call", () => "default");
  deepStrictEqual(called(second), ["common"]);
  for (const name of ["unlisted", "more", "unlisted"]) {
    await program.request("tools/call", { name, arguments: {} });
  }
  deepStrictEqual(called(second), ["common", "more"]);
});

Deno.test("what an upstream cannot do at all is asked of the others", async () => {
  await using first = await startRawServer({ capabilities: { tools: {}, prompts: {} } });
  await using second = await startRawServer({ capabilities: { tools: {} } });
  await using program = startPool([first, second]);
  await program.initialize();
  for (let i = 0; i < 2; i++) await program.request("tools/call", { name: "echo", arguments: {} });
  const before = first.calls("prompts/list").length;
  for (let i = 0; i < 4; i++) {
    const { result } = await program.request("prompts/list");
    deepStrictEqual(result, { prompts: [] });
  }
  strictEqual(first.calls("prompts/list").length - before, 4);
  strictEqual(second.calls("prompts/list").length, 0);
  await program.waitStderr(/lacks what the client was shown.*capabilities=prompts/);
});

Deno.test("when most upstreams say something else than what the client was shown, it is told", async () => {
  const answers = [[tool("old")], [tool("new")], [tool("new")]];
  const servers: RawServer[] = [];
  for (const tools of answers) servers.push(await startRawServer({ tools }));
  const [old] = servers;
  await using program = startPool(servers);
  try {
    await program.initialize();
    await readList(program, "old");
    const tell = program.nextMethod("notifications/tools/list_changed");
    for (let i = 0; i < 3; i++) await program.request("tools/call", { name: "old", arguments: {} });
    await tell;
    const asked = old!.calls("tools/list").length;
    for (let i = 0; i < 3; i++) {
      const { result } = await program.request("tools/list");
      deepStrictEqual(result, { tools: [tool("new")] });
    }
    strictEqual(old!.calls("tools/list").length, asked, "lists come from those that agree with most");
  } finally {
    for (const server of servers) await server[Symbol.asyncDispose]();
  }
});

Deno.test("a tool whose hints differ between upstreams is not repeated", async () => {
  const safe = tool("change", { annotations: { idempotentHint: true } });
  await using first = await startRawServer({ tools: [safe] });
  await using second = await startRawServer({ tools: [tool("change")] });
  await using program = startPool([first, second]);
  await program.initialize();
  await program.request("tools/list");
  // Both are used once, and so compared.
  for (let i = 0; i < 2; i++) await program.request("tools/call", { name: "change", arguments: { i } });
  await program.waitStderr(/list is not what the client was shown.*differs=change/);
  for (const server of [first, second]) server.on("tools/call", (_request, reply) => reply.reset());
  const { error } = await program.request("tools/call", { name: "change", arguments: {} });
  strictEqual((error?.data as { outcome?: string }).outcome, "unknown");
  strictEqual(called(first).length + called(second).length, 3);
});

Deno.test("replicas that agree are read once each, and nothing is said of them", async () => {
  await using first = await startRawServer();
  await using second = await startRawServer();
  await using program = startPool([first, second]);
  await program.initialize();
  await program.request("tools/list");
  for (let i = 0; i < 6; i++) await program.request("tools/call", { name: "echo", arguments: {} });
  deepStrictEqual([first, second].map((server) => server.calls("tools/list").length), [1, 1]);
  deepStrictEqual([first, second].map((server) => called(server).length), [3, 3]);
  deepStrictEqual([...first.violations, ...second.violations], []);
  await program.closeStdin();
  strictEqual((await program.status).code, 0);
  strictEqual(program.stderr(), "");
});
