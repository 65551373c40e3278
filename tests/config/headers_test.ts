import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { ConfigError } from "../../src/config/config_error.ts";
import {
  checkHeader,
  type HeaderSource,
  mergeHeaders,
  parseHeaderFile,
  splitHeader,
} from "../../src/config/headers.ts";

Deno.test("splitHeader splits at the first colon and trims", () => {
  deepStrictEqual(splitHeader(" X-Time :  12:30 ", "--header"), ["X-Time", "12:30"]);
  deepStrictEqual(splitHeader("a:", "--header"), ["a", ""]);
});

Deno.test("splitHeader refuses what is no header, without showing it", () => {
  for (const text of ["hunter2", ":hunter2", "hunter2 x: y", "hünter2: y", "(hunter2): y"]) {
    throws(() => splitHeader(text, "--header"), (error) => {
      ok(error instanceof ConfigError);
      return error.message.startsWith("--header") && !error.message.includes("unter2");
    }, text);
  }
});

Deno.test("checkHeader refuses headers that the transport sets, in any case", () => {
  for (
    const name of [
      "Content-Length",
      "content-type",
      "ACCEPT",
      "Host",
      "Mcp-Session-Id",
      "MCP-Protocol-Version",
      "mcp-method",
      "Mcp-Param-X",
      "Transfer-Encoding",
    ]
  ) {
    throws(() => checkHeader([name, "x"], "--header"), new RegExp(name));
  }
  checkHeader(["Authorization", "Basic eDp5"], "--header");
  checkHeader(["X-Latin", "caf\u00e9\tx"], "--header");
});

Deno.test("checkHeader refuses values that HTTP can't carry, without showing them", () => {
  for (const value of ["hunter2\r\nX: y", "hunter2\n", "hunter2\0", "hunter2\x7f", "hunter2 €"]) {
    throws(
      () => checkHeader(["X-A", value], "--header"),
      (error) =>
        error instanceof ConfigError && error.message.includes("X-A") && !error.message.includes("hunter2"),
    );
  }
});

Deno.test("checkHeader passes nothing that fetch would refuse", () => {
  const unit = fc.integer({ min: 0, max: 0x200 }).map((code) => String.fromCharCode(code));
  fc.assert(fc.property(fc.string({ unit }), (value) => {
    try {
      checkHeader(["x-a", value], "--header");
    } catch (error) {
      ok(error instanceof ConfigError);
      return;
    }
    strictEqual(new Headers([["x-a", value]]).get("x-a"), value.replace(/^[\t ]+|[\t ]+$/g, ""));
  }));
});

Deno.test("parseHeaderFile skips comments and blank lines and names the line of an error", () => {
  const text = "\ufeff# comment\r\n\r\nX-A: 1\n  X-B : b:c  \n   # indented\n";
  deepStrictEqual(parseHeaderFile(text, "--header-file f"), [
    { header: ["X-A", "1"], where: "--header-file f line 3" },
    { header: ["X-B", "b:c"], where: "--header-file f line 4" },
  ]);
  throws(
    () => parseHeaderFile("X-A: 1\nhunter2", "--header-file f"),
    (error) =>
      error instanceof ConfigError && error.message.includes("line 2") && !error.message.includes("hunter2"),
  );
});

const source = (
  where: string,
  level: number,
  order: number,
  headers: HeaderSource["headers"],
  exclusive = false,
) => ({
  where,
  level,
  rank: level * 10 + order,
  exclusive,
  headers,
});

Deno.test("mergeHeaders takes each name from the source of the highest rank, all its values", () => {
  deepStrictEqual(
    mergeHeaders([
      source("--header", 2, 3, [["X-A", "1"], ["x-a", "2"]]),
      source("--header-file", 2, 1, [["X-A", "file"], ["X-B", "file"]]),
      source("MCP_CONNECT_HEADERS", 1, 2, [["x-b", "env"], ["X-C", "env"]]),
    ]),
    [["X-A", "1"], ["x-a", "2"], ["X-B", "file"], ["X-C", "env"]],
  );
});

Deno.test("mergeHeaders refuses two values for a header that has an option of its own, on one side only", () => {
  const token = (level: number) => source("--auth-token", level, 4, [["Authorization", "Bearer a"]], true);
  const header = (level: number, value: string) => source("--header", level, 3, [["authorization", value]]);
  throws(
    () => mergeHeaders([token(2), header(2, "Basic hunter2")]),
    (error) =>
      error instanceof ConfigError && /--auth-token and --header/.test(error.message) &&
      !error.message.includes("hunter2"),
  );
  deepStrictEqual(mergeHeaders([token(2), header(2, "Bearer a")]), [["Authorization", "Bearer a"]]);
  deepStrictEqual(mergeHeaders([token(1), header(2, "Basic x")]), [["authorization", "Basic x"]]);
  deepStrictEqual(mergeHeaders([token(2), header(1, "Basic x")]), [["Authorization", "Bearer a"]]);
});
