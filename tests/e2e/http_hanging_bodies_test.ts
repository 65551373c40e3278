/** Bodies that nobody needs, and that never come whole, hold nothing up. */
import assert from "node:assert/strict";
import type { RawReply } from "../support/raw_http.ts";
import { startRawServer } from "../support/raw_server.ts";
import { startRawSseServer } from "../support/raw_sse_server.ts";
import { proxied, startProxy } from "./proxied.ts";

/** Sends a head that promises more than the one byte behind it. */
async function begin(reply: RawReply, status: string, headers = "Content-Length: 100\r\n"): Promise<void> {
  await reply.connection.write(`HTTP/1.1 ${status}\r\nContent-Type: text/plain\r\n${headers}\r\n{`);
  await reply.hang();
}

for (const status of ["202 Accepted", "500 Internal Server Error"]) {
  Deno.test(`Requests leave although the body of a ${status} to initialized never comes whole`, async () => {
    await using server = await startRawServer({
      on: { "notifications/initialized": (_request, reply) => begin(reply, status) },
    });
    await using program = await proxied(server.url);
    assert.deepEqual((await program.request("ping", undefined, 5000)).result, {});
  });

  Deno.test(`Requests leave over HTTP+SSE although the body of a ${status} never comes whole`, async () => {
    await using server = await startRawSseServer({
      onHttp: {
        "POST /messages": (request, reply) =>
          request.message.method === "notifications/initialized" ? begin(reply, status) : "default",
      },
    });
    await using program = await proxied(server.url, { args: ["--transport", "sse"] });
    assert.deepEqual((await program.request("ping", undefined, 5000)).result, {});
    await program.closeStdin();
    assert.equal((await program.status).code, 0);
  });
}

Deno.test("Many notifications whose answers never come whole hold up no request, and not the end", async () => {
  await using server = await startRawServer({
    on: { "x/note": (_request, reply) => begin(reply, "202 Accepted") },
  });
  await using program = await proxied(server.url);
  for (let i = 0; i < 70; i++) await program.notify("x/note");
  assert.deepEqual((await program.request("ping", undefined, 5000)).result, {});
  await program.closeStdin();
  assert.equal((await program.status).code, 0);
});

Deno.test("A redirect is followed although its body never comes whole", async () => {
  await using server = await startRawServer({
    on: {
      "/elsewhere": (_request, reply) => begin(reply, "307 X", "Location: /mcp\r\nContent-Length: 9\r\n"),
    },
  });
  await using program = await proxied(`${server.origin}/elsewhere`);
  assert.deepEqual((await program.request("ping")).result, {});
});

Deno.test("A 401 is a 401 although its body never ends", async () => {
  await using server = await startRawServer({
    on: {
      initialize: (_request, reply) =>
        begin(reply, "401 Unauthorized", "Transfer-Encoding: chunked\r\n\r\n5\r\n"),
    },
  });
  await using program = startProxy(server.url, { args: ["--timeout", "5"] });
  const { error } = await program.request("initialize", {});
  assert.equal(error?.data.code, "UNAUTHORIZED");
});

Deno.test("What has come of a refusal's body is told", async () => {
  await using server = await startRawServer({
    on: {
      "tools/call": async (_request, reply) => {
        await reply.connection.write(
          "HTTP/1.1 418 X\r\nContent-Type: text/plain\r\nContent-Length: 99\r\n\r\nno tea",
        );
        await reply.hang();
      },
    },
  });
  await using program = await proxied(server.url);
  const { error } = await program.request("tools/call", { name: "x" });
  assert.equal(error?.data.code, "REFUSED");
  assert.match(error!.message, /no tea/);
});
