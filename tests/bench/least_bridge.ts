/**
 * The least bridge: an empty Deno program but for one round trip. It reads one message, posts it to the server and writes
 * the answer; it checks nothing, and can do nothing else.
 */
const client = Deno.createHttpClient({ http2: false });
const buffer = new Uint8Array(64 * 1024);
const length = await Deno.stdin.read(buffer) ?? 0;
const response = await fetch(Deno.args[0]!, {
  client,
  method: "POST",
  headers: { "content-type": "application/json", accept: "application/json, text/event-stream" },
  body: buffer.subarray(0, length),
});
// One event, of an event stream.
const answer = (await response.text()).replace(/^[^]*?data: /, "").trim();
Deno.stdout.writeSync(new TextEncoder().encode(`${answer}\n`));
await Deno.stdin.read(buffer);
client.close();
