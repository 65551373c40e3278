/** A legacy client at a server that becomes one of the other era while they talk. */
import assert from "node:assert/strict";
import type { RawReply, RawRequest } from "../support/raw_http.ts";
import { startRawServer } from "../support/raw_server.ts";
import { proxied } from "./proxied.ts";

/** A server at one address that is of this era now. */
function changing(now: () => "legacy" | "modern") {
  const missing = (reply: RawReply) => reply.error(-32602, "no envelope", undefined, { status: 400 });
  const refused = (reply: RawReply) =>
    reply.error(-32000, "Bad Request: no session", undefined, { status: 400 });
  const isModern = ({ body }: RawRequest) => body.includes("io.modelcontextprotocol/protocolVersion");
  return startRawServer({
    on: {
      "initialize": (_request, reply) => now() === "legacy" ? "default" : missing(reply),
      "server/discover": (_request, reply) =>
        now() === "legacy" ? refused(reply) : reply.result({
          resultType: "complete",
          supportedVersions: ["2026-07-28"],
          capabilities: { tools: {} },
          ttlMs: 0,
          cacheScope: "private",
        }),
      "tools/list": (request, reply) => {
        if (now() === "legacy") {
          return isModern(request) ? refused(reply) : reply.result({ tools: [], era: "legacy" });
        }
        return isModern(request)
          ? reply.result({ resultType: "complete", tools: [], era: "modern" })
          : missing(reply);
      },
    },
  });
}

for (const [first, second] of [["legacy", "modern"], ["modern", "legacy"]] as const) {
  Deno.test(`a legacy client notices nothing when a ${first} server becomes a ${second} one, and back`, async () => {
    let era: "legacy" | "modern" = first;
    await using server = await changing(() => era);
    await using program = await proxied(server.url);
    const asked = async () => (await program.request("tools/list")).result;
    assert.equal((await asked()).era, first);
    era = second;
    assert.equal((await asked()).era, second);
    assert.equal((await asked()).era, second);
    era = first;
    assert.equal((await asked()).era, first);
  });
}
