import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { describeEndpoint } from "../../src/link/describe_endpoint.ts";
import type { Endpoint } from "../../src/link/endpoint.ts";
import { EndpointError } from "../../src/link/endpoint_error.ts";
import { parseEndpoint } from "../../src/link/parse_endpoint.ts";
import type { CommandPlatform } from "../../src/link/split_command_line.ts";

const http = (url: string): Endpoint => ({ kind: "http", url: new URL(url) });
const tcp = (hostname: string, port: number): Endpoint => ({ kind: "tcp", hostname, port });
const unix = (path: string): Endpoint => ({ kind: "unix", path });
const command = (name: string, ...args: string[]): Endpoint => ({ kind: "command", command: name, args });

const table: [text: string, endpoint: Endpoint, platform?: CommandPlatform][] = [
  ["http://localhost", http("http://localhost/")],
  [" https://example.com/mcp?a=b ", http("https://example.com/mcp?a=b")],
  ["HTTPS://Example.COM:8443/x", http("https://example.com:8443/x")],
  ["http://[::1]:3000/mcp", http("http://[::1]:3000/mcp")],
  ["https://example.com/mcp#part", http("https://example.com/mcp")],
  ["tcp://127.0.0.1:9000", tcp("127.0.0.1", 9000)],
  ["tcp://[::1]:9000", tcp("::1", 9000)],
  ["TCP://Host.example:1/", tcp("Host.example", 1)],
  ["localhost:8080", tcp("localhost", 8080)],
  ["my_service:65535", tcp("my_service", 65535)],
  ["x:80", tcp("x", 80)],
  ["10.0.0.7:80", tcp("10.0.0.7", 80)],
  ["[::1]:9000", tcp("::1", 9000)],
  ["[fe80::1%eth0]:9000", tcp("fe80::1%eth0", 9000)],
  ["name:08080", tcp("name", 8080)],
  ["unix:run/a.sock", unix("run/a.sock")],
  ["unix:/run/a b.sock", unix("/run/a b.sock")],
  ["unix:///run/a.sock", unix("/run/a.sock")],
  ["node server.js", command("node", "server.js")],
  ["npx -y foo@1 http://x:1/", command("npx", "-y", "foo@1", "http://x:1/")],
  ["server", command("server")],
  ["./server --port 1", command("./server", "--port", "1")],
  ["/opt/my\\ app/run", command("/opt/my app/run")],
  ["./a:b", command("./a:b")],
  ["./my.dir/tool", command("./my.dir/tool")],
  ["node_modules/.bin/server", command("node_modules/.bin/server")],
  ["bin.d/x y", command("bin.d/x", "y")],
  ["'/opt/my app/run' x", command("/opt/my app/run", "x")],
  ["C:\\srv\\a.exe --x", command("C:\\srv\\a.exe", "--x"), "windows"],
  ["C:\\srv\\a.exe --x", command("C:\\srv\\a.exe", "--x"), "posix"],
  ["c:/srv/a.exe --x", command("c:/srv/a.exe", "--x"), "windows"],
  ['"C:\\Program Files\\a.exe" --x', command("C:\\Program Files\\a.exe", "--x"), "windows"],
];

Deno.test("parseEndpoint tells the kinds of endpoints apart", () => {
  for (const [text, endpoint, platform] of table) {
    deepStrictEqual(parseEndpoint(text, platform ?? "posix"), endpoint, text);
  }
});

const errors: [text: string, message: RegExp][] = [
  ["", /empty/],
  ["   ", /empty/],
  ["--endpoint", /begins with "-"/],
  ["ws://x/", /unknown scheme ws: .*https:\/\//],
  ["wss://x/", /unknown scheme wss:/],
  ["ftp://x", /unknown scheme ftp:/],
  ["mailto:x", /unknown scheme mailto:/],
  ["file:///etc/passwd", /unknown scheme file:/],
  ["javascript:alert(1)", /unknown scheme javascript:/],
  ["npm:foo", /unknown scheme npm:/],
  ["htttps://example.com", /unknown scheme htttps:/],
  ["foo:bar baz", /unknown scheme foo:/],
  ["'ws://x' y", /unknown scheme ws:/],
  ['"http://x"', /quotes/],
  ["http:example.com", /http:\/\//],
  ["https:/example.com", /https:\/\//],
  ["http://", /not a valid URL/],
  ["http://a b/", /space/],
  ["http://user:pw@example.com/", /user name or password.*--header/],
  ["http://token@example.com/", /user name or password/],
  ["http://x:99999/", /not a valid URL/],
  ["http://x:0/", /port 0/],
  ["tcp://x", /tcp:\/\/HOST:PORT/],
  ["tcp://x:1/path", /tcp:\/\/HOST:PORT/],
  ["tcp://u@x:1", /tcp:\/\/HOST:PORT/],
  ["tcp:x:1", /tcp:\/\/HOST:PORT/],
  ["tcp://x:0", /65535/],
  ["localhost:99999", /65535/],
  ["localhost:0", /65535/],
  ["localhost:8080/mcp", /http:\/\/localhost:8080\/mcp/],
  ["[::1]:8080/mcp", /http:\/\/\[::1\]:8080\/mcp/],
  ["localhost", /neither a scheme nor a port/],
  ["127.0.0.1/mcp", /http:\/\/127\.0\.0\.1\/mcp/],
  ["example.com/mcp", /https:\/\/example\.com\/mcp for a URL/],
  ["localhost:8080 extra", /host:port/],
  ["[::1]", /\[ADDRESS\]:PORT/],
  ["[zz]:1", /\[ADDRESS\]:PORT/],
  ["[1::2::3]:80", /not an IPv6 address/],
  ["::1:9000", /brackets/],
  ["fe80::1", /brackets/],
  ["unix:", /unix:PATH/],
  ["unix://host/x", /absolute/],
  ["unix:a\0b", /NUL/],
  ["FOO=1 node x", /--env FOO=VALUE/],
  ["node 'x", /quote/],
  ["'' x", /name is empty/],
  ["x\0y", /NUL/],
];

Deno.test("parseEndpoint explains what names no endpoint", () => {
  for (const [text, message] of errors) {
    try {
      parseEndpoint(text, "posix");
    } catch (error) {
      ok(error instanceof EndpointError, text);
      match(error.message, message, text);
      continue;
    }
    ok(false, `${JSON.stringify(text)} was taken`);
  }
});

Deno.test("parseEndpoint shows no secret of a URL in its errors", () => {
  for (
    const text of [
      "http://user:hunter2@x/",
      "http://:hunter2@",
      "localhost:1/x?key=hunter2",
      "http://[?hunter2",
    ]
  ) {
    try {
      parseEndpoint(text, "posix");
      ok(false, text);
    } catch (error) {
      ok(error instanceof EndpointError && !error.message.includes("hunter2"), String(error));
    }
  }
});

const platforms = fc.constantFrom<CommandPlatform>("posix", "windows");

Deno.test("parseEndpoint throws nothing but EndpointError, in one short line", () => {
  const part = fc.oneof(
    fc.constantFrom(
      "http",
      "://",
      "tcp:",
      "unix:",
      "[",
      "]",
      "::",
      ":",
      "/",
      "\\",
      "'",
      '"',
      " ",
      "@",
      "?",
      "C:",
      "%",
      "0",
    ),
    fc.string({ unit: "binary" }),
  );
  fc.assert(
    fc.property(fc.array(part).map((parts) => parts.join("")), platforms, (text, platform) => {
      try {
        parseEndpoint(text, platform);
      } catch (error) {
        ok(error instanceof EndpointError, String(error));
        ok(!/[\r\n\0]/.test(error.message) && error.message.length < 600, error.message);
      }
    }),
    { numRuns: 2000 },
  );
});

Deno.test("parseEndpoint never makes a command of an unknown scheme, quoted or not", () => {
  const scheme = fc.stringMatching(/^[A-Za-z][A-Za-z0-9+.-]{1,12}$/);
  fc.assert(
    fc.property(
      scheme,
      fc.string(),
      fc.constantFrom("", "'", '"'),
      platforms,
      (name, rest, quote, platform) => {
        try {
          const endpoint = parseEndpoint(`${quote}${name}:${rest}${quote}`, platform);
          ok(endpoint.kind !== "command", JSON.stringify(endpoint));
        } catch (error) {
          ok(error instanceof EndpointError);
        }
      },
    ),
  );
});

Deno.test("describeEndpoint names an endpoint without its secrets", () => {
  strictEqual(describeEndpoint(http("https://example.com/mcp?key=hunter2")), "https://example.com/mcp?…");
  strictEqual(describeEndpoint(tcp("::1", 9)), "tcp://[::1]:9");
  strictEqual(describeEndpoint(tcp("localhost", 9)), "tcp://localhost:9");
  strictEqual(describeEndpoint(unix("/run/a")), "unix:/run/a");
  strictEqual(describeEndpoint(command("node", "a b.js", "--x=1")), 'node "a b.js" --x=1');
  strictEqual(
    describeEndpoint(command("srv", "--api-key", "hunter2", "--token=hunter2", "--auth", "--port", "1")),
    "srv --api-key … --token=… --auth --port 1",
  );
  ok(describeEndpoint(command("x", "y".repeat(1000))).length <= 200);
});

Deno.test("describeEndpoint of a network endpoint is an endpoint again", () => {
  for (const [text] of table) {
    const endpoint = parseEndpoint(text, "posix");
    if (endpoint.kind !== "tcp" && endpoint.kind !== "unix") continue;
    deepStrictEqual(parseEndpoint(describeEndpoint(endpoint), "posix"), endpoint);
  }
});
