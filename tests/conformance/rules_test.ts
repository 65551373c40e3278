/** The harness's decisions. */
import assert from "node:assert/strict";
import type { WireMessage } from "../support/wire_message.ts";
import { ownerOf } from "./carrier/owner.ts";
import { confirmed, someArguments } from "./driver/scenarios.ts";
import { contradiction, isLocal, statusOf } from "./http_rules.ts";
import { parseOptions, wants, wantsScenario } from "./options.ts";
import { standing } from "./report.ts";
import type { Row } from "./run_cell.ts";
import { type Check, type Found, parseRequired } from "./suite.ts";
import { judge, methodOf } from "./verdict.ts";

Deno.test("only what comes from this machine is local", () => {
  for (
    const [host, origin, local] of [
      ["localhost:1", null, true],
      ["127.0.0.1", "http://127.0.0.1:80", true],
      ["[::1]:1", "https://localhost", true],
      ["evil.example.com", null, false],
      ["localhost", "http://evil.example.com", false],
      ["localhost.evil.example.com", null, false],
    ] as const
  ) {
    const headers = new Headers({ host, ...(origin === null ? {} : { origin }) });
    assert.equal(isLocal(headers), local, `${host} ${origin}`);
  }
});

Deno.test("a header that says something else than the body is found; a body without an envelope is not judged", () => {
  const call: WireMessage = {
    method: "tools/call",
    params: { name: "ä", _meta: { "io.modelcontextprotocol/protocolVersion": "2026-07-28" } },
  };
  const right = {
    "mcp-protocol-version": "2026-07-28",
    "mcp-method": "tools/call",
    "mcp-name": "=?base64?w6Q=?=",
  };
  assert.equal(contradiction(new Headers(right), call), undefined);
  const plain = new Headers({ ...right, "mcp-method": "tools/list" });
  assert.equal(contradiction(plain, { method: "tools/list" }), undefined);
  for (
    const [change, header] of [
      [{ "mcp-protocol-version": "2025-11-25" }, "MCP-Protocol-Version"],
      [{ "mcp-method": "tools/list" }, "Mcp-Method"],
      [{ "mcp-name": "a" }, "Mcp-Name"],
    ] as const
  ) {
    assert.equal(contradiction(new Headers({ ...right, ...change }), call), header);
    const without = new Headers({ ...right });
    without.delete(header);
    assert.equal(contradiction(without, call), header);
  }
});

Deno.test("errors that HTTP has a status for get it", () => {
  const error = (code: number) => statusOf({ error: { code, message: "" } });
  assert.equal(error(-32601), 404);
  assert.equal(error(-32021), 400);
  assert.equal(error(-1), 200);
  assert.equal(statusOf({ result: {} }), 200);
});

Deno.test("a message goes to the request that it belongs to", () => {
  const first: WireMessage = { id: 1, method: "tools/call", params: { _meta: { progressToken: "a" } } };
  const second: WireMessage = { id: 2, method: "tools/call", params: { _meta: { progressToken: 0 } } };
  const listen: WireMessage = { id: 3, method: "subscriptions/listen" };
  const inFlight = [first, second, listen];
  const to = (method: string, params: unknown, id?: number) =>
    ownerOf({ method, params, ...(id === undefined ? {} : { id }) }, inFlight)?.id;
  assert.equal(to("notifications/progress", { progressToken: "a" }), 1);
  assert.equal(to("notifications/progress", { progressToken: 0 }), 2);
  assert.equal(to("notifications/progress", { progressToken: "none" }), undefined);
  const tagged = { _meta: { "io.modelcontextprotocol/subscriptionId": 3 } };
  assert.equal(to("notifications/tools/list_changed", tagged), 3);
  assert.equal(to("notifications/cancelled", { requestId: 3 }), 3);
  assert.equal(to("notifications/message", {}), 2);
  assert.equal(to("elicitation/create", {}, 9), 2);
  assert.equal(ownerOf({ method: "notifications/message" }, [listen]), undefined);
});

const check = (id: string, status: Check["status"]): Check => ({ id, name: id, status, description: id });
const found = (scenario: string, passed: boolean, ...checks: Check[]): Found => ({
  scenario,
  passed,
  checks,
  output: "a\nb",
  client: { stdout: "", stderr: "" },
});

Deno.test("a pass that shows nothing is told from one that does", () => {
  const good = check("x", "SUCCESS");
  const listed = { method: "tools/list", name: undefined, answer: "result" } as const;
  const missed = { ...listed, answer: -32602 };
  const emptiness = (result: Found, evidence: Parameters<typeof judge>[1]) => judge(result, evidence).empty;
  assert.equal(emptiness(found("tools-list", true, good), { requests: [listed] }), undefined);
  assert.equal(
    emptiness(found("tools-list", true, good), { requests: [] }),
    "the program saw no tools/list",
  );
  assert.equal(
    emptiness(found("tools-list", true, good), { requests: [missed] }),
    "no tools/list had a result",
  );
  const unknown = { method: "resources/read", name: "x", answer: -32602 } as const;
  const lost = found("sep-2164-resource-not-found", true, good);
  assert.equal(emptiness(lost, { requests: [unknown] }), undefined);
  assert.equal(
    emptiness(lost, { requests: [{ ...unknown, answer: -32020 }] }),
    "no resources/read had a result",
  );
  assert.equal(emptiness(found("x", true, check("wire-schema-valid", "SUCCESS")), {}), "no check succeeded");
  assert.equal(
    emptiness(found("x", true, good), { answered: 0 }),
    "no request of the client was answered",
  );
  assert.equal(emptiness(found("tools-list", false, good), { requests: [] }), undefined);
});

Deno.test("what does not hold is told, and what goes wrong beside the checks fails a scenario", () => {
  const verdict = judge(
    found("x", false, check("a", "FAILURE"), check("b", "WARNING"), check("c", "SUCCESS")),
  );
  assert.deepEqual(verdict.complaints, ["FAILURE a: a", "WARNING b: b"]);
  assert.deepEqual(verdict.failures, ["a"]);
  assert.deepEqual(judge(found("x", false)).complaints, ["a\nb"]);
  const noisy = judge(found("x", true, check("c", "SUCCESS")), { problems: ["noise"] });
  assert.equal(noisy.passed, false);
  assert.deepEqual(noisy.complaints, ["noise"]);
});

Deno.test("each server scenario has its method", () => {
  for (
    const [scenario, method] of [
      ["tools-call-simple-text", "tools/call"],
      ["elicitation-sep1330-enums", "tools/call"],
      ["input-required-result-non-tool-request", "prompts/get"],
      ["resources-templates-read", "resources/read"],
      ["resources-read-text", "resources/read"],
      ["resources-list", "resources/list"],
      ["dns-rebinding-protection", undefined],
    ] as const
  ) assert.equal(methodOf(scenario), method, scenario);
});

Deno.test("what is forbidden excuses the checks it names, no others, and no pass", () => {
  const row = (changes: Partial<Row>) =>
    standing({ passed: false, required: true, failures: ["a"], ...changes } as Row);
  const forbidden = { rule: "", checks: ["a", "b"] };
  assert.equal(row({}), "failed");
  assert.equal(row({ passed: true, failures: [] }), "passed");
  assert.equal(row({ forbidden }), "forbidden");
  assert.equal(row({ forbidden, failures: ["a", "c"] }), "failed");
  assert.equal(row({ forbidden, failures: [] }), "failed");
  assert.equal(row({ forbidden, passed: true, failures: [] }), "stale");
  assert.equal(row({ required: false }), "extra");
});

Deno.test("the suite's list is read as far as it is required", () => {
  const text = "Required for X:\n\nServer scenarios (a):\n  - ping\n  - caching\n\nClient scenarios (b):\n" +
    "  - auth/x\n\nRun and reported, but never scored:\n  extension (1):\n    - auth/y [client]\n    - tasks\n";
  assert.deepEqual(parseRequired(text), { server: ["ping", "caching"], client: ["auth/x"] });
});

Deno.test("words choose cells, parts and scenarios", () => {
  const options = parseOptions(["legacy-modern", "server", "tools", "--over", "tcp", "--jobs", "1"]);
  assert.deepEqual([options.over, options.jobs], ["tcp", 1]);
  assert.equal(wants(options, "server", "legacy-modern"), true);
  assert.equal(wants(options, "server", "modern-modern"), false);
  assert.equal(wants(options, "client", "legacy-modern"), false);
  assert.equal(wants(options, "direct"), false);
  assert.equal(wantsScenario(options, "tools-list"), true);
  assert.equal(wantsScenario(options, "ping"), false);
  assert.equal(wants(parseOptions([]), "direct"), true);
  for (const args of [["--x"], ["--over", "x"], ["--jobs", "0"], ["--write", "ping"]]) {
    assert.throws(() => parseOptions(args), /deno task conformance/);
  }
});

Deno.test("forms are confirmed with their defaults, tools called with what fits", () => {
  const properties = {
    name: { type: "string", default: "John" },
    verified: { type: "boolean" },
    off: { type: "boolean", default: false },
  };
  assert.deepEqual(confirmed({ properties }), { name: "John", verified: true, off: false });
  assert.deepEqual(someArguments({ properties: { a: { type: "integer" }, b: {} }, required: ["a", "b"] }), {
    a: 1,
    b: null,
  });
});
