import assert from "node:assert/strict";
import { MCP_LOG_LEVELS, mcpLevelAtLeast } from "../../src/mcp/log_levels.ts";

Deno.test("mcpLevelAtLeast orders all eight levels and knows no other", () => {
  for (const [i, level] of MCP_LOG_LEVELS.entries()) {
    for (const [j, minimum] of MCP_LOG_LEVELS.entries()) {
      assert.equal(mcpLevelAtLeast(level, minimum), i >= j, `${level} ${minimum}`);
    }
  }
  assert.equal(mcpLevelAtLeast("warn", "debug"), false);
  assert.equal(mcpLevelAtLeast("error", "verbose"), false);
});
