/** One pool over servers of both eras and all transports, for clients of both eras. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { Program } from "../support/program.ts";
import { type ModernServer, startModernHttpServer, startModernTcpServer } from "../support/modern_servers.ts";
import {
  SDK_STDIO_COMMAND,
  type SdkServer,
  startSdkHttpServer,
  startSdkTcpServer,
} from "../support/sdk_servers.ts";
import type { WireMessage } from "../support/wire_message.ts";
import { balanced, startBalanced } from "./balanced.ts";
import { ABLE, ask } from "./modern_requests.ts";

interface Place extends AsyncDisposable {
  readonly endpoints: readonly string[];
  readonly legacyHttp: SdkServer;
  readonly legacyTcp: SdkServer;
  readonly modernHttp: ModernServer;
  readonly modernTcp: ModernServer;
}

/** A server of each kind; the child is started by the program. */
async function servers(): Promise<Place> {
  await using stack = new AsyncDisposableStack();
  const legacyHttp = stack.use(await startSdkHttpServer());
  const legacyTcp = stack.use(await startSdkTcpServer());
  const modernHttp = stack.use(startModernHttpServer());
  const modernTcp = stack.use(await startModernTcpServer());
  const owned = stack.move();
  return {
    endpoints: [legacyHttp, modernHttp, legacyTcp, modernTcp].map(({ url }) => url),
    legacyHttp,
    legacyTcp,
    modernHttp,
    modernTcp,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

const CHILD = { child: SDK_STDIO_COMMAND, args: ["--log-level", "info"] };
const ROUNDS = [1, 2, 3, 4, 5];

type Ask = (method: string, params?: Record<string, unknown>) => Promise<WireMessage>;

/** Asks for everything that all servers have, as often as there are upstreams: all at once, and one after the other. */
async function tour(asks: Ask, name: string): Promise<void> {
  const about: [string, Record<string, unknown>, (result: WireMessage["result"]) => unknown, unknown][] = [
    ["tools/call", { name: "echo", arguments: { text: name } }, ({ content }) => content[0].text, name],
    ["resources/read", { uri: "test://text" }, ({ contents }) => contents[0].text, "a text"],
    ["resources/read", { uri: `test://item/${name}` }, ({ contents }) => contents[0].text, name],
    [
      "prompts/get",
      { name: "greet", arguments: { name } },
      (it) => it.messages[0].content.text,
      `Greet ${name}`,
    ],
    [
      "completion/complete",
      { ref: { type: "ref/prompt", name: "greet" }, argument: { name: "name", value: "A" } },
      ({ completion }) => completion.values,
      ["Ada", "Alan"],
    ],
    ["prompts/list", {}, ({ prompts }) => prompts.some((it: { name: string }) => it.name === "greet"), true],
    ["tools/list", {}, ({ tools }) => tools.some((it: { name: string }) => it.name === "echo"), true],
  ];
  const check = async ([method, params, pick, expected]: typeof about[number]) => {
    const answer = await asks(method, params);
    ok(answer.result !== undefined, `${method}: ${JSON.stringify(answer)}`);
    deepStrictEqual(pick(answer.result), expected, method);
  };
  for (const it of about) await check(it);
  await Promise.all(about.flatMap((it) => ROUNDS.map(() => check(it))));
}

function modernAsk(program: Program): Ask {
  let last = 0;
  return (method, params) => ask(program, `m-${++last}`, method, params, { capabilities: ABLE });
}

Deno.test("A legacy client uses servers of both eras over HTTP, TCP and stdio as one", async () => {
  await using place = await servers();
  await using program = await balanced(place.endpoints, CHILD);
  await tour((method, params) => program.request(method, params), "legacy");
  strictEqual(place.legacyHttp.sessions(), 1);
  strictEqual(place.legacyTcp.sessions(), 1);
  ok(place.modernHttp.requests.items.some(({ body }) => body.includes('"tools/call"')));
  await program.waitStderr(/sdk server: ready/);
  await program.closeStdin();
  strictEqual((await program.status).code, 0);
  strictEqual(place.legacyHttp.sessions(), 0);
});

Deno.test("A modern client uses servers of both eras over HTTP, TCP and stdio as one", async () => {
  await using place = await servers();
  await using program = startBalanced(place.endpoints, CHILD);
  const { result } = await modernAsk(program)("server/discover");
  ok(result.supportedVersions.includes("2026-07-28"));
  await tour(modernAsk(program), "modern");
  strictEqual(place.legacyHttp.sessions(), 1);
  ok(place.modernHttp.requests.items.some(({ body }) => body.includes('"tools/call"')));
  strictEqual(program.messages.filter((it) => it.method !== undefined && it.id !== undefined).length, 0);
  await program.closeStdin();
  strictEqual((await program.status).code, 0);
  strictEqual(place.legacyHttp.sessions(), 0);
});

Deno.test("Clients of both eras use them at once in one process", async () => {
  await using place = await servers();
  await using program = await balanced(place.endpoints, CHILD);
  await Promise.all([
    tour((method, params) => program.request(method, params), "legacy"),
    tour(modernAsk(program), "modern"),
  ]);
  // One of its own for the legacy client, and one for all modern ones.
  strictEqual(place.legacyHttp.sessions(), 2);
});
