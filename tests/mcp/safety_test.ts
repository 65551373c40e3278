import { strictEqual } from "node:assert/strict";
import { isSafeToRepeat, type ToolHints } from "../../src/mcp/safety.ts";

const NONE: ToolHints = { readOnly: false, idempotent: false };

const TABLE: [method: string, hints: ToolHints | undefined, safe: boolean][] = [
  ...[
    "initialize",
    "ping",
    "tools/list",
    "prompts/list",
    "prompts/get",
    "resources/list",
    "resources/templates/list",
    "resources/read",
    "resources/subscribe",
    "resources/unsubscribe",
    "completion/complete",
    "logging/setLevel",
  ].map((method): [string, undefined, true] => [method, undefined, true]),
  ["tools/call", undefined, false],
  ["tools/call", NONE, false],
  ["tools/call", { ...NONE, readOnly: true }, true],
  ["tools/call", { ...NONE, idempotent: true }, true],
  ["tools/call", { readOnly: true, idempotent: true }, true],
  ["tasks/cancel", undefined, false],
  ["sampling/createMessage", undefined, false],
  ["x/unheard_of", undefined, false],
  ["x/unheard_of", { readOnly: true, idempotent: true }, false],
  ["", undefined, false],
  ["constructor", undefined, false],
];

for (const [method, hints, safe] of TABLE) {
  const which = hints === undefined ? "" : ` of a tool with ${JSON.stringify(hints)}`;
  Deno.test(`${method || "a method without a name"}${which} ${safe ? "may" : "must not"} be carried out twice`, () => {
    strictEqual(isSafeToRepeat(method, hints), safe);
  });
}
