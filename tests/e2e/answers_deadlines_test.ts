/** How long a request may take, what stops its clock, and what becomes of answers that come too late. */
import assert from "node:assert/strict";
import { type Program, startProgram } from "../support/program.ts";
import { type RawLineServer, startRawLineServer } from "../support/raw_line_server.ts";
import { type RawServer, startRawServer } from "../support/raw_server.ts";
import { startRawSseServer } from "../support/raw_sse_server.ts";
import type { WireMessage } from "../support/wire_message.ts";

const CALL = { name: "slow", arguments: {} };
const call = (program: Program, progressToken?: string) =>
  program.request(
    "tools/call",
    progressToken === undefined ? CALL : { ...CALL, _meta: { progressToken } },
    60_000,
  );
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** One conversation about one call, whatever the wire. */
interface Conversation {
  progress(value: number): Promise<void>;
  ask(): Promise<WireMessage>;
  answer(result: unknown): Promise<void>;
  /** Settles when the test releases the server. */
  readonly released: Promise<void>;
}

/** What a server does with a call; what fails because the program has left is no error. */
type Script = (conversation: Conversation, message: WireMessage) => Promise<void>;

interface Scripted extends AsyncDisposable {
  readonly endpoint: string;
  /** Waits for the next notice of a cancellation, and gives the id it names. */
  cancelled(): Promise<unknown>;
  /** Waits for the call. */
  called(): Promise<unknown>;
  release(): void;
}

async function overHttp(script: Script): Promise<Scripted> {
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const server: RawServer = await startRawServer();
  server.on("tools/call", async (request, reply) => {
    const stream = await reply.sse();
    const { progressToken } = request.message.params._meta ?? {};
    await script({
      progress: (progress) => stream.notify("notifications/progress", { progressToken, progress }),
      ask: () => stream.request("elicitation/create", { message: "Who?" }, 60_000),
      answer: (result) => stream.result(result),
      released,
    }, request.message);
    await stream.end();
  });
  return {
    endpoint: server.url,
    called: () => server.received(({ message }) => message.method === "tools/call"),
    cancelled: async () => {
      const notice = await server.received(({ message }) => message.method === "notifications/cancelled");
      return notice.message.params.requestId;
    },
    release,
    async [Symbol.asyncDispose]() {
      release();
      await server[Symbol.asyncDispose]();
    },
  };
}

async function overLines(script: Script): Promise<Scripted> {
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const server: RawLineServer = await startRawLineServer();
  server.on("tools/call", async (message, peer) => {
    const { progressToken } = message.params._meta ?? {};
    await script({
      progress: (progress) => peer.notify("notifications/progress", { progressToken, progress }),
      ask: () => peer.request("elicitation/create", { message: "Who?" }, 60_000),
      answer: (result) => peer.result(message, result),
      released,
    }, message);
  });
  return {
    endpoint: server.endpoint,
    called: () => server.message(({ method }) => method === "tools/call"),
    cancelled: async () =>
      (await server.message(({ method }) => method === "notifications/cancelled")).params.requestId,
    release,
    async [Symbol.asyncDispose]() {
      release();
      await server[Symbol.asyncDispose]();
    },
  };
}

async function overSse(script: Script): Promise<Scripted> {
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const server = await startRawSseServer();
  server.on("tools/call", (message, peer) => {
    const { progressToken } = message.params._meta ?? {};
    // The POST is over, and its connection free for the next one.
    script({
      progress: (progress) => peer.notify("notifications/progress", { progressToken, progress }),
      ask: () => peer.request("elicitation/create", { message: "Who?" }, 60_000),
      answer: (result) => peer.result(message, result),
      released,
    }, message).catch(() => {});
  });
  return {
    endpoint: server.url,
    called: () => server.received(({ message }) => message.method === "tools/call"),
    cancelled: async () => {
      const notice = await server.received(({ message }) => message.method === "notifications/cancelled");
      return notice.message.params.requestId;
    },
    release,
    async [Symbol.asyncDispose]() {
      release();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** Runs a test over all wires at the same time. */
async function everywhere(
  args: readonly string[],
  script: Script,
  body: (program: Program, server: Scripted) => Promise<void>,
): Promise<void> {
  const scripts: Promise<void>[] = [];
  const tracked: Script = (conversation, message) => {
    const played = script(conversation, message);
    scripts.push(played.catch(() => {}));
    return played;
  };
  const runs = [overHttp, overLines, overSse].map(async (open) => {
    try {
      await using server = await open(tracked);
      await using program = startProgram(["proxy", ...args, server.endpoint]);
      await program.initialize({ capabilities: { elicitation: {} } });
      await body(program, server);
    } catch (error) {
      throw new Error(`${open.name}: ${error instanceof Error ? error.message : error}`, { cause: error });
    }
  });
  const failed = (await Promise.allSettled(runs)).find(({ status }) => status === "rejected");
  await Promise.all(scripts);
  if (failed !== undefined) throw (failed as PromiseRejectedResult).reason;
}

/** Checks that exactly so many answers to a request have been written, now that a later one has come. */
async function assertAnswers(program: Program, id: number, count: number): Promise<void> {
  assert.deepEqual((await program.request("ping")).result, {});
  const answers = program.messages.filter((message) => message.id === id && message.method === undefined);
  assert.equal(answers.length, count, JSON.stringify(answers));
}

Deno.test("--request-timeout: the client gets an error and the server a cancellation of that request", async () => {
  await everywhere(["--request-timeout", "1"], ({ released }) => released, async (program, server) => {
    const since = performance.now();
    const { id, error } = await call(program);
    assert.ok(performance.now() - since >= 950);
    assert.equal(error?.data.code, "REQUEST_TIMEOUT");
    assert.match(error?.message ?? "", /within 1 s/);
    assert.equal(await server.cancelled(), id);
  });
});

Deno.test("an answer that comes after --request-timeout is not delivered", async () => {
  await everywhere(["--request-timeout", "1"], async (conversation) => {
    await conversation.released;
    await conversation.answer({ late: true });
  }, async (program, server) => {
    assert.equal((await call(program)).error?.data.code, "REQUEST_TIMEOUT");
    await server.cancelled();
    server.release();
    await assertAnswers(program, 2, 1);
    await assertAnswers(program, 2, 1);
  });
});

Deno.test("progress starts --request-timeout anew", () =>
  everywhere(["--request-timeout", "2"], async (conversation) => {
    for (let step = 1; step <= 4; step++) {
      await pause(700);
      await conversation.progress(step);
    }
    await conversation.answer({ done: true });
  }, async (program) => {
    const since = performance.now();
    assert.deepEqual((await call(program, "token-1")).result, { done: true });
    assert.ok(performance.now() - since > 2000);
    assert.equal(program.messages.filter(({ method }) => method === "notifications/progress").length, 4);
  }));

Deno.test("progress starts --request-timeout anew when the server spells the token in another way", () =>
  everywhere(["--request-timeout", "1"], async (conversation) => {
    for (let step = 1; step <= 3; step++) {
      await pause(500);
      await conversation.progress(step);
    }
    await conversation.answer({ done: true });
  }, async (program) => {
    const params = '{"name":"slow","_meta":{"progressToken":"\\u00e9"}}';
    await program.send(`{"jsonrpc":"2.0","id":"spelled","method":"tools/call","params":${params}}`);
    assert.deepEqual((await program.response("spelled")).result, { done: true });
  }));

Deno.test("progress of another request on a call's stream is the other's", async () => {
  await using server = await startRawServer();
  const other = Promise.withResolvers<void>();
  server.on("tools/call", async ({ message, gone }, reply) => {
    const stream = await reply.sse();
    if (message.params.name === "other") {
      await other.promise;
      await stream.result({ done: true });
      return await stream.end();
    }
    await stream.notify("notifications/progress", { progressToken: "other", progress: 1 });
    await pause(500);
    await stream.notify("notifications/progress", { progressToken: "other", progress: 2 });
    await pause(300);
    other.resolve();
    await gone;
  });
  await using program = startProgram(["proxy", "--request-timeout", "1", server.url]);
  await program.initialize();
  const kept = program.request("tools/call", { name: "other", _meta: { progressToken: "other" } });
  await pause(700);
  assert.equal((await call(program, "mine")).error?.data.code, "REQUEST_TIMEOUT");
  assert.deepEqual((await kept).result, { done: true });
});

Deno.test("progress of another request does not keep a request alive", () =>
  everywhere(["--request-timeout", "1"], async (conversation, { params }) => {
    if (params.name !== "chatty") return;
    for (let step = 1; step <= 10; step++) {
      await pause(200);
      await conversation.progress(step);
    }
    await conversation.answer({});
  }, async (program) => {
    const chatty = program.request("tools/call", { name: "chatty", _meta: { progressToken: 77 } });
    assert.ok((await call(program, "quiet")).error !== undefined);
    assert.deepEqual((await chatty).result, {});
  }));

Deno.test("the clock stands still while the server waits for the client", () =>
  everywhere(["--request-timeout", "1"], async (conversation) => {
    const { result } = await conversation.ask();
    await conversation.answer(result);
  }, async (program) => {
    program.respond("elicitation/create", async () => {
      await pause(2500);
      return { action: "accept", content: { name: "Ada" } };
    });
    assert.deepEqual((await call(program)).result, { action: "accept", content: { name: "Ada" } });
  }));

Deno.test("the clock goes on once the client has answered", async () => {
  await everywhere(["--request-timeout", "1"], async (conversation) => {
    await conversation.ask();
    await conversation.released;
  }, async (program) => {
    program.respond("elicitation/create", () => ({ action: "decline" }));
    assert.equal((await call(program)).error?.data.code, "REQUEST_TIMEOUT");
  });
});

Deno.test("--max-request-time ends a request whatever its progress", () =>
  everywhere(["--request-timeout", "1", "--max-request-time", "2"], async (conversation) => {
    let open = true;
    conversation.released.then(() => open = false);
    for (let step = 1; open; step++) {
      await pause(100);
      await conversation.progress(step).catch(() => {});
    }
  }, async (program, server) => {
    const since = performance.now();
    const { id, error } = await call(program, "t");
    assert.ok(performance.now() - since >= 1900);
    assert.equal(error?.data.code, "REQUEST_TIMEOUT");
    assert.match(error?.message ?? "", /2 s, the longest/);
    assert.equal(await server.cancelled(), id);
  }));

Deno.test("--max-request-time ends a request even while the server waits for the client", () =>
  everywhere(["--request-timeout", "1", "--max-request-time", "2"], async (conversation) => {
    await conversation.ask().catch(() => {});
  }, async (program) => {
    const answer = call(program);
    const { id } = await program.nextMethod("elicitation/create");
    assert.match((await answer).error?.message ?? "", /2 s, the longest/);
    // The client may still answer; nobody is harmed.
    await program.send({ jsonrpc: "2.0", id, result: { action: "decline" } });
    await assertAnswers(program, 2, 1);
  }));

Deno.test("--request-timeout is none of initialize's business, and --timeout none of a call's", async () => {
  await using server = await startRawServer();
  server.on("initialize", async () => {
    await pause(1000);
    return "default";
  });
  server.on("tools/call", async (_request, reply) => {
    await pause(2500);
    await reply.result({});
  });
  await using one = startProgram(["proxy", "--request-timeout", "0.2", server.url]);
  await one.initialize();
  await using two = startProgram(["proxy", "--timeout", "2", server.url]);
  await two.initialize();
  assert.deepEqual((await call(two)).result, {});
});

Deno.test("a cancelled request is not answered, though the server answers it", async () => {
  await everywhere([], async (conversation) => {
    await conversation.released;
    await conversation.answer({ late: true });
  }, async (program, server) => {
    const id = 2;
    await program.send({ jsonrpc: "2.0", id, method: "tools/call", params: CALL });
    await server.called();
    await program.notify("notifications/cancelled", { requestId: id, reason: "changed my mind" });
    assert.equal(await server.cancelled(), id);
    server.release();
    for (let round = 0; round < 3; round++) {
      await program.send({ jsonrpc: "2.0", id: `ping-${round}`, method: "ping" });
      await program.response(`ping-${round}`);
    }
    assert.deepEqual(program.messages.filter((message) => message.id === id), []);
  });
});

Deno.test("a request that is cancelled while it waits its turn never reaches the server", async () => {
  await using server = await startRawLineServer();
  const first = Promise.withResolvers<void>();
  server.on("tools/call", async (message, peer) => {
    await first.promise;
    await peer.result(message, {});
  });
  await using program = startProgram(["proxy", "--max-in-flight", "1", server.endpoint]);
  await program.initialize();
  const one = call(program);
  await server.message(({ method }) => method === "tools/call");
  await program.send({ jsonrpc: "2.0", id: "waiting", method: "tools/list" });
  await program.send({ jsonrpc: "2.0", id: "next", method: "ping" });
  await program.notify("notifications/cancelled", { requestId: "waiting" });
  // What is answered here has been read after the cancellation.
  await program.send("garbage");
  await program.next(({ error }) => error?.code === -32700);
  first.resolve();
  await one;
  await program.response("next");
  assert.deepEqual(program.messages.filter(({ id }) => id === "waiting"), []);
  assert.equal(server.received.some(({ text }) => text.includes("tools/list")), false);
});

Deno.test("a request that expires while it waits its turn is not said to have been sent", async () => {
  await using server = await startRawLineServer();
  server.on("tools/call", () => new Promise<void>(() => {}));
  const args = ["--max-in-flight", "1", "--request-timeout", "1"];
  await using program = startProgram(["proxy", ...args, server.endpoint]);
  await program.initialize();
  const [first, second] = await Promise.all([call(program), program.request("tools/list")]);
  assert.deepEqual([first.error?.data.code, second.error?.data.code], ["REQUEST_TIMEOUT", "REQUEST_TIMEOUT"]);
  assert.match(first.error?.data.hint, /may have been carried out/);
  assert.match(second.error?.data.hint, /not sent.*--max-in-flight/);
  assert.equal(server.received.some(({ text }) => text.includes("tools/list")), false);
});

Deno.test("initialize can't be cancelled, and a cancellation of nothing harms nobody", async () => {
  await using server = await startRawServer();
  const go = Promise.withResolvers<"default">();
  server.on("initialize", () => go.promise);
  await using program = startProgram(["proxy", server.url]);
  const greeted = program.initialize();
  await server.received(({ message }) => message.method === "initialize");
  await program.notify("notifications/cancelled", { requestId: 1 });
  await program.notify("notifications/cancelled", { requestId: "never sent" });
  await program.notify("notifications/cancelled");
  go.resolve("default");
  await greeted;
  assert.deepEqual((await program.request("ping")).result, {});
});

Deno.test("notifications are never answered, not even those that the server refuses", async () => {
  await using server = await startRawServer();
  server.on(
    "notifications/odd",
    (_request, reply) => reply.error(-32601, "Method not found", {}, { status: 400 }),
  );
  server.on("notifications/worse", (_request, reply) => reply.status(500, "oops"));
  server.on("notifications/broken", (_request, reply) => reply.reset());
  await using program = startProgram(["proxy", server.url]);
  await program.initialize();
  for (const kind of ["odd", "worse", "broken"]) await program.notify(`notifications/${kind}`, { kind });
  await program.waitStderr(/notifications\/odd was not delivered/);
  await program.waitStderr(/notifications\/worse was not delivered/);
  await program.waitStderr(/notifications\/broken was not delivered/);
  assert.deepEqual((await program.request("ping")).result, {});
  assert.deepEqual(program.messages.filter(({ method }) => method === undefined).map(({ id }) => id), [1, 2]);
});
