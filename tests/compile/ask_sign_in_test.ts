import { deepEqual, equal, match } from "node:assert/strict";
import { askSignIn } from "../../scripts/compile/ask_sign_in.ts";

/** A server that answers all POSTs alike, and whose metadata is this. */
function startServer(post: () => Response | Promise<Response>, metadata?: (origin: string) => object) {
  const asked: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const { pathname, origin } = new URL(request.url);
    asked.push(`${request.method} ${pathname}`);
    await request.body?.cancel();
    if (request.method === "POST") return await post();
    return pathname.startsWith("/.well-known/oauth-protected-resource") && metadata !== undefined
      ? Response.json(metadata(origin))
      : new Response(null, { status: 404 });
  });
  return {
    url: new URL(`http://127.0.0.1:${server.addr.port}/mcp`),
    asked,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

Deno.test("a server that answers wants no sign-in, and is asked nothing more", async () => {
  for (const body of ["{}", "data: {}\n\n", ""]) {
    await using server = startServer(() => new Response(body));
    deepEqual(await askSignIn(server.url), { kind: "unwanted" });
    deepEqual(server.asked, ["POST /mcp"]);
  }
});

for (const status of [307, 400, 403, 404, 405, 500]) {
  Deno.test(`of a server that answers with status ${status} nothing is known`, async () => {
    await using server = startServer(() =>
      new Response(null, { status, headers: { location: "https://elsewhere.example/" } })
    );
    deepEqual(await askSignIn(server.url), { kind: "unknown", why: `it answers with status ${status}` });
    deepEqual(server.asked, ["POST /mcp"]);
  });
}

Deno.test("of a server that does not answer in time nothing is known", async () => {
  const over = Promise.withResolvers<Response>();
  await using server = startServer(() => over.promise);
  const answer = await askSignIn(server.url, 100);
  over.resolve(new Response());
  equal(answer.kind, "unknown");
  match(answer.kind === "unknown" ? answer.why : "", /^it does not answer: .*timeout/);
});

Deno.test("where a server's metadata is about another one, it is not known who gives tokens", async () => {
  await using server = startServer(
    () => new Response(null, { status: 401 }),
    () => ({ resource: "https://elsewhere.example/", authorization_servers: ["https://evil.example"] }),
  );
  const answer = await askSignIn(server.url);
  equal(answer.kind, "wanted");
  deepEqual(answer.kind === "wanted" && answer.hosts, []);
  match(answer.kind === "wanted" ? answer.why ?? "" : "", /elsewhere\.example/);
});

Deno.test("a server without metadata gives its tokens itself", async () => {
  await using server = startServer(() => new Response(null, { status: 401 }));
  deepEqual(await askSignIn(server.url), { kind: "wanted", hosts: [server.url.host] });
});
