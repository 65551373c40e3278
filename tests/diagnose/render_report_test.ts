import { match, ok } from "node:assert/strict";
import { renderReport } from "../../src/diagnose/render_report.ts";
import type { Report } from "../../src/diagnose/report.ts";
import { LEGACY_REVISIONS } from "../../src/mcp/revision.ts";

const none = { offered: false, count: null, names: [], complete: false };
const report: Report = {
  version: 1,
  ok: true,
  exitCode: 0,
  endpoint: "https://example.com/mcp",
  transport: { name: "http", why: "the endpoint is a URL" },
  revision: "2025-11-25",
  era: { name: "legacy", why: "it answered initialize with revision 2025-11-25" },
  clients: LEGACY_REVISIONS.map((revision) => ({
    revision,
    outcome: "passed_on",
    serverRevision: revision,
    tried: true,
    why: "the server has answered with it",
  })),
  server: { name: "srv", version: "1.2", title: "A server" },
  capabilities: { tools: { listChanged: true, off: false }, logging: {} },
  tools: {
    offered: true,
    count: 40,
    names: Array.from({ length: 40 }, (_, i) => `tool_number_${i}`),
    complete: false,
  },
  resources: { offered: true, count: 0, names: [], complete: true },
  resourceTemplates: none,
  prompts: none,
  timings: {
    connect: 12.3,
    initialize: 101,
    lists: 5,
    ping: { method: "ping", count: 5, min: 1, p50: 2, max: 3 },
  },
  certificate: {
    subject: "CN=example.com",
    issuer: "CN=CA",
    validFrom: "2026-01-01T00:00:00.000Z",
    validTo: "2027-01-01T00:00:00.000Z",
    daysLeft: 40,
    protocol: "TLSv1.3",
  },
  problems: [],
};
const plain = { width: 80, color: false };

Deno.test("renderReport shows what was found, wrapped", () => {
  const text = renderReport(report, plain);
  for (
    const line of [
      /^https:\/\/example\.com\/mcp$/m,
      /Transport +Streamable HTTP \(the endpoint is a URL\)/,
      /Certificate +CN=example\.com, issued by CN=CA, valid until 2027-01-01 \(40\s+days\)/,
      /✓ Server +A server 1\.2 \(srv\)/,
      /Revision +2025-11-25/,
      /Era +legacy: it answered initialize with revision 2025-11-25$/m,
      /Clients +2024-11-05 to 2025-11-25: passed on as it is$/m,
      /Capabilities +tools \(listChanged\), logging/,
      /✓ Tools +40 or more: tool_number_0, /,
      /✓ Resources +0$/m,
      /Prompts +not offered/,
      /connect 12 ms, initialize 101 ms, lists 5\.0 ms, ping 2\.0 ms/,
      /The server works\.\n$/,
    ]
  ) match(text, line);
  for (const line of text.split("\n")) ok(line.length <= 80, line);
});

Deno.test("renderReport shows what failed and the likely fix", () => {
  const text = renderReport({
    ...report,
    ok: false,
    exitCode: 5,
    server: null,
    certificate: { ...report.certificate!, daysLeft: -1 },
    problems: [{
      step: "initialize",
      code: "UNAUTHORIZED",
      message: "wants credentials",
      hint: "pass --auth-token",
      status: 401,
    }],
  }, plain);
  match(text, /! Certificate .*expired on/);
  match(text, /✗ Failed +initialize: wants credentials\n +Try +pass --auth-token\n/);
  match(text, /The test failed \(exit code 5\)\.\n$/);
});

Deno.test("renderReport lets no control character of a server through", () => {
  const evil = "x\x1b[2J\x07\u202ey\r\nz";
  const text = renderReport({
    ...report,
    server: { name: evil, version: evil, title: evil },
    era: { name: null, why: evil },
    clients: [{ revision: "1", outcome: "not_served", serverRevision: evil, tried: true, why: evil }],
    capabilities: { [evil]: { [evil]: true } },
    tools: { offered: true, count: 1, names: [evil], complete: true },
    problems: [{ step: evil, code: "REFUSED", message: evil, hint: evil, status: null }],
  }, plain);
  // deno-lint-ignore no-control-regex
  ok(!/[\x00-\x09\x0b-\x1f\x7f\u202e]/.test(text), JSON.stringify(text));
  ok(renderReport(report, { width: 80, color: true }).includes("\x1b[32m"));
});

Deno.test("renderReport calls a modern server's timings by their names", () => {
  const { ping } = report.timings;
  const text = renderReport({
    ...report,
    era: { name: "modern", why: "it answered server/discover with 2026-07-28" },
    timings: { ...report.timings, ping: { ...ping!, method: "server/discover" } },
  }, { ...plain, width: 110 });
  match(text, /handshake 101 ms, lists 5\.0 ms, server\/discover 2\.0 ms/);
});
