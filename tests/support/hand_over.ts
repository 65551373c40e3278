/** The browser of a program under test: it only tells the test which address it was to open. */
const [where = "", address = ""] = Deno.args;
const response = await fetch(where, { method: "POST", body: address });
await response.body?.cancel();
