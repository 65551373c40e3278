import { ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { errorAnswer, request, resultAnswer } from "../../../src/jsonrpc/answers.ts";
import { Message } from "../../../src/jsonrpc/message.ts";
import { eraLayer } from "../../../src/link/era/era_layer.ts";
import { collectedLog } from "../../support/collected_log.ts";
import { fakePeer } from "../../support/fake_peer.ts";
import { until } from "../../support/until.ts";

/** JSON texts that come near what a modern server sends. */
const like = fc.oneof(
  { weight: 1, arbitrary: fc.json() },
  {
    weight: 3,
    arbitrary: fc.record({
      resultType: fc.oneof(fc.constantFrom("complete", "input_required", "task"), fc.jsonValue()),
      inputRequests: fc.oneof(
        fc.jsonValue(),
        fc.dictionary(
          fc.string(),
          fc.oneof(
            fc.jsonValue(),
            fc.record({
              method: fc.constantFrom("elicitation/create", "roots/list", "sampling/createMessage", "x"),
              params: fc.jsonValue(),
              id: fc.jsonValue(),
            }, { requiredKeys: [] }),
          ),
        ),
      ),
      requestState: fc.string({ unit: "binary" }),
      structuredContent: fc.jsonValue(),
      content: fc.jsonValue(),
      tools: fc.array(fc.oneof(
        fc.jsonValue(),
        fc.record({
          name: fc.oneof(fc.string(), fc.jsonValue()),
          outputSchema: fc.jsonValue(),
          inputSchema: fc.record({
            properties: fc.dictionary(
              fc.string(),
              fc.record({ "x-mcp-header": fc.jsonValue(), type: fc.string() }),
            ),
          }),
        }),
      )),
      ttlMs: fc.jsonValue(),
      _meta: fc.jsonValue(),
    }, { requiredKeys: [] }).map((it) => JSON.stringify(it)),
  },
);

Deno.test("Whatever a modern server answers, the client has one answer under its own id", async () => {
  const { logger } = collectedLog();
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom("tools/call", "tools/list", "resources/read", "prompts/get", "x/y"),
      like,
      fc.boolean(),
      async (method, text, isError) => {
        const fake = fakePeer();
        const peer = eraLayer({ endpoint: "E", host: "h", duplex: false, logger, protocol: "modern" })(fake);
        peer.listen({ receive: () => {} });
        const capabilities = { elicitation: {}, sampling: {}, roots: {} };
        const greeted = peer.request(
          request("0", "initialize", { protocolVersion: "2025-11-25", capabilities }),
        );
        await until(() => fake.requests.length === 1);
        fake.requests[0]!.answer({ supportedVersions: ["2026-07-28"], capabilities: {} });
        strictEqual((await greeted.outcome).kind, "answered");

        const receive = (message: Message) => {
          // A client that answers everything, with errors at times.
          if (message.kind !== "request") return;
          void peer.notify(
            isError ? errorAnswer(message.id!, -1, "no") : resultAnswer(message.id!, { ok: 1 }),
          );
        };
        const exchange = peer.request(request('"a"', method, { name: "t", uri: "u" }), { receive });
        const first = fake.requests[1]!;
        const result = `{"jsonrpc":"2.0","id":${first.message.id},"result":${text}}`;
        first.exchange.settle({ kind: "answered", message: Message.fromText(result) });
        let over = false;
        exchange.whenOver(() => over = true);
        await until(() => over || fake.requests.length === 3);
        fake.requests[2]?.answer({ resultType: "complete" });
        const outcome = await exchange.outcome;
        ok(outcome.kind === "answered");
        strictEqual(outcome.message.id, '"a"');
        await peer.close();
      },
    ),
    { numRuns: 300 },
  );
});
