/** The harness of the official suite: that it runs, and that it tells what passes from what doesn't. */
import assert from "node:assert/strict";
import { startCarrier } from "./carrier/carrier.ts";
import { CELLS, REQUIRED } from "./cells.ts";
import { stdioWords } from "./fixture/command.ts";
import { startFixture } from "./fixture/servers.ts";
import { type CellPart, runClientPart, runServerPart } from "./run_cell.ts";
import { requiredScenarios, runServerScenario } from "./suite.ts";

const cell = (id: string) => CELLS.find((it) => it.id === id)!;
const passed = ({ rows }: CellPart) => rows.filter((row) => row.passed).map(({ scenario }) => scenario);
const chosen = (names: readonly string[]) => ({ wanted: (scenario: string) => names.includes(scenario) });

Deno.test("the suite requires as many server scenarios as the cells count", async () => {
  assert.equal((await requiredScenarios("2025-11-25")).server.length, REQUIRED.legacy);
  assert.equal((await requiredScenarios("2026-07-28")).server.length, REQUIRED.modern);
});

Deno.test("a fixture of both eras serves the scenarios of both", async () => {
  await using fixture = await startFixture("dual");
  for (
    const [scenario, revision] of [
      ["tools-call-elicitation", "2025-11-25"],
      ["resources-subscribe", "2025-11-25"],
      ["input-required-result-multi-round", "2026-07-28"],
      ["caching", "2026-07-28"],
    ] as const
  ) {
    const found = await runServerScenario(fixture.endpoint, scenario, revision);
    assert.ok(found.passed, found.output);
  }
});

Deno.test("server scenarios pass through the program", async () => {
  const names = ["tools-call-sampling", "tools-call-with-progress"];
  assert.deepEqual(passed(await runServerPart(cell("legacy-legacy"), chosen(names))).sort(), names);
  assert.deepEqual(passed(await runServerPart(cell("legacy-modern"), chosen(names))).sort(), names);
});

Deno.test("client scenarios pass through the program", async () => {
  const legacy = ["initialize", "tools_call"];
  assert.deepEqual(passed(await runClientPart(cell("legacy-legacy"), chosen(legacy))), legacy);
  const modern = ["sep-2322-client-request-state", "http-custom-headers"];
  assert.deepEqual(passed(await runClientPart(cell("legacy-modern"), chosen(modern))), modern);
});

Deno.test("the carrier loses nothing between the suite and a modern server over stdio", async () => {
  const [command, ...args] = stdioWords("modern");
  await using carrier = startCarrier({ era: "modern", args: [], entry: [command!, ...args] });
  for (const scenario of ["input-required-result-multiple-input-requests", "tools-call-with-progress"]) {
    const found = await runServerScenario(carrier.url(scenario), scenario, "2026-07-28");
    assert.ok(found.passed, found.output);
    const { requests, problems } = await carrier.finish(scenario);
    assert.deepEqual(problems, []);
    assert.ok(requests.every(({ method, answer }) => method === "tools/call" && answer === "result"));
  }
});

/** Connects to a port for each line it gets, and answers nothing. */
const SILENT = `
  const [port] = Deno.args;
  for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    for (const line of text.trim().split("\\n")) {
      const connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
      await connection.write(new TextEncoder().encode(JSON.parse(line).method));
      connection.close();
    }
  }`;

Deno.test("a client that goes before the answer cancels its request, and holds nothing up", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const heard = async () => {
    using connection = await listener.accept();
    return await new Response(connection.readable).text();
  };
  const entry = [Deno.execPath(), "eval", "--quiet", SILENT, "--"];
  await using carrier = startCarrier({ era: "modern", args: [`${listener.addr.port}`], entry });
  const leaving = new AbortController();
  const asked = fetch(carrier.url("x"), {
    method: "POST",
    headers: { "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/list" },
    body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
    signal: leaving.signal,
  });
  assert.equal(await heard(), "tools/list");
  leaving.abort();
  await assert.rejects(asked, { name: "AbortError" });
  assert.equal(await heard(), "notifications/cancelled");
});

Deno.test("a server that can't serve a scenario fails it, and the reason is told", async () => {
  await using fixture = await startFixture("legacy");
  const found = await runServerScenario(fixture.endpoint, "caching", "2026-07-28");
  assert.equal(found.passed, false);
  assert.ok(found.checks.some(({ status }) => status === "FAILURE"));
});
