import assert from "node:assert/strict";
import { EVERYTHING_STDIO_COMMAND, startEverything } from "../support/everything.ts";
import { type OfficialClient, officialClient } from "./official_tour.ts";

/** What the reference server shows of every kind of traffic. */
async function playReference({ client, call }: OfficialClient): Promise<void> {
  assert.match(client.getServerVersion()?.name ?? "", /everything/);
  const tools = (await client.listTools()).tools.map(({ name }) => name);
  assert.ok(
    tools.includes("trigger-sampling-request"),
    "tools that need the client's capabilities are there",
  );
  assert.equal(await call("echo", { message: "ü😀" }), "Echo: ü😀");
  assert.match(await call("get-sum", { a: 2, b: 40 }), /42/);
  const { content } = await client.callTool({ name: "get-tiny-image", arguments: {} });
  assert.ok((content as { type: string }[]).some(({ type }) => type === "image"));

  const progress: number[] = [];
  await client.callTool(
    { name: "trigger-long-running-operation", arguments: { duration: 0.5, steps: 3 } },
    undefined,
    { onprogress: (it) => progress.push(it.progress) },
  );
  // The client forgets the handler with the answer, which may overtake the last step within it.
  assert.deepEqual(progress.slice(0, 2), [1, 2]);

  assert.match(await call("trigger-sampling-request", { prompt: "hello?", maxTokens: 10 }), /sampled/);
  const asked = await client.callTool({ name: "trigger-elicitation-request", arguments: {} });
  assert.match(JSON.stringify(asked.content), /Ada/);
  assert.match(await call("get-roots-list"), /file:\/\/\/project/);

  const { resources } = await client.listResources();
  assert.ok(resources.length > 0);
  const uri = resources[0]!.uri;
  const read = await client.readResource({ uri });
  assert.equal(read.contents[0]?.uri, uri);
  await client.subscribeResource({ uri });
  await client.unsubscribeResource({ uri });
  const prompts = (await client.listPrompts()).prompts.map(({ name }) => name);
  assert.ok(prompts.includes("simple-prompt"));
  assert.equal((await client.getPrompt({ name: "simple-prompt" })).messages.length, 1);
  const { completion } = await client.complete({
    ref: { type: "ref/prompt", name: "completable-prompt" },
    argument: { name: "department", value: "E" },
  });
  assert.deepEqual(completion.values, ["Engineering"]);
  await client.setLoggingLevel("debug");
}

for (const transport of ["streamableHttp", "sse"] as const) {
  Deno.test(`The official client plays with the reference server over ${transport}`, async () => {
    await using server = await startEverything(transport);
    await using official = await officialClient([server.url]);
    await playReference(official);
  });
}

Deno.test("The official client plays with the reference server as a child process", async () => {
  await using official = await officialClient(["--", ...EVERYTHING_STDIO_COMMAND]);
  await playReference(official);
});
