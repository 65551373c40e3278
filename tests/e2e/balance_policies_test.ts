/** Where requests go, as the servers see it. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { Program } from "../support/program.ts";
import { type RawLineServer, startRawLineServer } from "../support/raw_line_server.ts";
import type { WireMessage } from "../support/wire_message.ts";
import { until } from "../support/until.ts";
import { balanced, placeOf, sentOf } from "./balanced.ts";
import { modernRequest } from "./modern_requests.ts";

interface Named {
  readonly name: string;
  readonly server: RawLineServer;
  /** Lets the calls of `hold` go on that wait here. */
  release(): void;
}

/** Servers whose answers say who answered; calls of `hold` wait. */
async function named(count: number) {
  await using stack = new AsyncDisposableStack();
  const all: Named[] = [];
  for (const name of ["a", "b", "c", "d"].slice(0, count)) {
    const waiting: (() => void)[] = [];
    const answer = async (
      message: WireMessage,
      peer: { result(to: WireMessage, it: unknown): Promise<void> },
    ) => {
      if (message.params.name === "hold") await new Promise<void>((go) => waiting.push(go));
      await peer.result(message, { content: [], contents: [], messages: [], by: name });
    };
    const server = stack.use(
      await startRawLineServer({
        capabilities: { tools: {}, resources: {}, prompts: {} },
        on: { "tools/call": answer, "resources/read": answer, "prompts/get": answer },
      }),
    );
    all.push({ name, server, release: () => waiting.splice(0).forEach((go) => go()) });
  }
  const owned = stack.move();
  return {
    all,
    places: all.map(({ server }) => placeOf(server)),
    async [Symbol.asyncDispose]() {
      for (const { release } of all) release();
      await owned.disposeAsync();
    },
  };
}

async function by(program: Program, name: string, method = "tools/call"): Promise<string> {
  const { result, error } = await program.request(
    method,
    method === "resources/read" ? { uri: name } : { name },
  );
  ok(result !== undefined, JSON.stringify(error));
  return result.by;
}

/** A call that waits; when the test fails otherwise, nobody does. */
function hold(program: Program): Promise<string> {
  const held = by(program, "hold");
  held.catch(() => {});
  return held;
}

async function byAll(program: Program, names: readonly string[], method?: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of names) found.push(await by(program, name, method));
  return found;
}

const times = (count: number, name = "t") => Array<string>(count).fill(name);
const counts = (names: readonly string[]) =>
  Object.fromEntries(
    [...new Set(names)].sort().map((name) => [name, names.filter((it) => it === name).length]),
  );

Deno.test("round-robin: one after the other", async () => {
  await using it = await named(3);
  await using program = await balanced(it.places);
  const found = await byAll(program, times(9));
  deepStrictEqual(counts(found), { a: 3, b: 3, c: 3 });
  deepStrictEqual(found.slice(3), found.slice(0, 6));
});

Deno.test("weighted: each as often as its weight says, and evenly over time", async () => {
  await using it = await named(3);
  const [a, b, c] = it.places;
  await using program = await balanced([`${a};weight=2`, b!, c!]);
  deepStrictEqual(counts(await byAll(program, times(12))), { a: 6, b: 3, c: 3 });
  // The initialize had its turn too.
  const found = await byAll(program, times(8));
  ok(!found.join("").includes("aaa"), found.join(""));
});

Deno.test("random: everybody gets some", async () => {
  await using it = await named(3);
  await using program = await balanced(it.places, { args: ["--policy", "random"] });
  const found = await byAll(program, times(60));
  deepStrictEqual(Object.keys(counts(found)), ["a", "b", "c"]);
});

Deno.test("sticky: one until it fails, and then another, which stays", async () => {
  await using it = await named(3);
  await using program = await balanced(it.places, { args: ["--policy", "sticky"] });
  deepStrictEqual(counts(await byAll(program, times(5))), { a: 5 });
  await it.all[0]!.server.close();
  deepStrictEqual(counts(await byAll(program, times(5), "prompts/get")), { b: 5 });
  deepStrictEqual(counts(await byAll(program, times(5))), { b: 5 });
});

Deno.test("least-pending: who has the least to answer", async () => {
  await using it = await named(3);
  await using program = await balanced(it.places, { args: ["--policy", "least-pending"] });
  const held = [hold(program), hold(program), hold(program)];
  for (const { server } of it.all) await until(() => sentOf(server, "tools/call").length === 1);
  for (const free of it.all) {
    free.release();
    await until(() => program.messages.some(({ result }) => result?.by === free.name));
    deepStrictEqual(counts(await byAll(program, times(4))), { [free.name]: 4 });
    held.push(hold(program));
    await until(() =>
      sentOf(free.server, "tools/call").filter(({ params }) => params.name === "hold").length === 2
    );
  }
  for (const { release } of it.all) release();
  deepStrictEqual(counts(await Promise.all(held)), { a: 2, b: 2, c: 2 });
});

Deno.test("p2c: of two the one that will answer sooner", async () => {
  await using it = await named(2);
  await using program = await balanced(it.places, { args: ["--policy", "p2c"] });
  const held = [hold(program), hold(program), hold(program), hold(program)];
  const holding = ({ server }: Named) => sentOf(server, "tools/call").length;
  await until(() => it.all.reduce((sum, one) => sum + holding(one), 0) === 4);
  const [busy, free] = holding(it.all[0]!) >= holding(it.all[1]!) ? it.all : [...it.all].reverse();
  free!.release();
  await until(() =>
    program.messages.filter(({ result }) => result?.by === free!.name).length === 4 - holding(busy!)
  );
  deepStrictEqual(counts(await byAll(program, times(6))), { [free!.name]: 6 });
  busy!.release();
  await Promise.all(held);
});

Deno.test("hash: calls of one tool, and reads of one resource, stay together, and different ones are spread", async () => {
  await using it = await named(3);
  await using program = await balanced(it.places, { args: ["--policy", "hash"] });
  const names = Array.from({ length: 20 }, (_, i) => `n-${i}`);
  for (const method of ["tools/call", "resources/read", "prompts/get"]) {
    const first = await byAll(program, names, method);
    deepStrictEqual(await byAll(program, names, method), first);
    ok(new Set(first).size > 1);
  }
  // Only what was at the one that goes moves.
  const before = await byAll(program, names, "resources/read");
  const [gone] = it.all;
  await gone!.server.close();
  const after = await byAll(program, names, "resources/read");
  for (const [i, name] of before.entries()) {
    if (name !== gone!.name) strictEqual(after[i], name);
    else ok(after[i] !== gone!.name);
  }
});

Deno.test("--affinity session: all of a client's requests go to one upstream, and to another when that fails", async () => {
  await using it = await named(3);
  await using program = await balanced(it.places, { args: ["--affinity", "session"] });
  const found = [...await byAll(program, times(4)), ...await byAll(program, ["x", "y"], "resources/read")];
  strictEqual(new Set(found).size, 1);
  strictEqual(it.all.filter(({ server }) => server.received.length > 0).length, 1);
  await it.all.find(({ name }) => name === found[0])!.server.close();
  const then = await byAll(program, times(4), "prompts/get");
  strictEqual(new Set(then).size, 1);
  ok(then[0] !== found[0]);
  deepStrictEqual(new Set(await byAll(program, times(4))), new Set(then));
});

Deno.test("--affinity resource: what is about one resource stays together, and the rest is spread", async () => {
  await using it = await named(3);
  await using program = await balanced(it.places, { args: ["--affinity", "resource"] });
  const uris = Array.from({ length: 20 }, (_, i) => `x://${i}`);
  const first = await byAll(program, uris, "resources/read");
  deepStrictEqual(await byAll(program, [...uris].reverse(), "resources/read"), [...first].reverse());
  ok(new Set(first).size > 1);
  deepStrictEqual(counts(await byAll(program, times(6))), { a: 2, b: 2, c: 2 });
  // A modern client's reads go to the same.
  for (const [i, uri] of uris.slice(0, 5).entries()) {
    await program.send(modernRequest(`m-${i}`, "resources/read", { uri }));
    strictEqual((await program.response(`m-${i}`)).result.by, first[i]);
  }
});
