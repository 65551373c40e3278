import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { describeEndpoint } from "../../src/link/describe_endpoint.ts";
import type { Endpoint } from "../../src/link/endpoint.ts";
import { EndpointError } from "../../src/link/endpoint_error.ts";
import { parseEndpoint } from "../../src/link/parse_endpoint.ts";
import { redactText } from "../../src/telemetry/redact_text.ts";
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
  ["fe80::1%eth0", /brackets/],
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

const TOKEN = "9f86d081884c7d659a2feaa0c55ad015";

const DESCRIPTIONS: [endpoint: Endpoint, text: string][] = [
  [tcp("::1", 9), "tcp://[::1]:9"],
  [tcp("localhost", 9), "tcp://localhost:9"],
  [unix("/run/a"), "unix:/run/a"],
  [http("https://example.com/mcp?key=hunter2"), "https://example.com/mcp?…"],
  [http("https://example.com/o'reilly/mcp?key=hunter2"), "https://example.com/o'reilly/mcp?…"],
  [http(`https://example.com/s/${TOKEN}/mcp`), "https://example.com/s/[redacted]/mcp"],
  [http("https://example.com/s/aB3_dE-fG5hI7jK9lM1nO/mcp"), "https://example.com/s/[redacted]/mcp"],
  [http("https://example.com/ab12-cd34-ef56-gh78-ij90/mcp"), "https://example.com/[redacted]/mcp"],
  ...[
    "https://example.com/api/mcp-server-2025-11-25-preview-v2/sse",
    "https://example.com/v1/projects/my-project-123456/locations/us-central1/servers/files",
    "https://example.com/my%20long%20server%20name%202/mcp",
    "https://example.com/internationalization-services/mcp",
  ].map((url): [Endpoint, string] => [http(url), url]),
  [command("node", "a b.js", "--x=1", "host:80", ""), 'node "a b.js" --x=1 host:80 ""'],
  [command("C:\\srv\\a.exe", "--x"), "C:\\srv\\a.exe --x"],
  [
    command("srv", "--api-key", "hunter2", "--token=hunter2", "--auth", "--port", "1"),
    "srv --api-key [redacted] --token=[redacted] --auth --port 1",
  ],
  [command("srv", "--token", "two words", "-p", "1"), "srv --token [redacted] -p 1"],
  [command("srv", "--token", "-hunter2", "x"), "srv --token [redacted] x"],
  [
    command("npx", "mcp-remote", "https://h/mcp", "--header", "Authorization: Bearer hunter2", "--port", "1"),
    'npx mcp-remote https://h/mcp --header "Authorization: [redacted]" --port 1',
  ],
  [
    command("curl", "-H", "X-Api-Key: hunter2 hunter3", "-H", "Cookie: a=hunter2; b=hunter3", "-v"),
    'curl -H "X-Api-Key: [redacted]" -H "Cookie: [redacted]" -v',
  ],
  [command("srv", "--header=X-Api-Key: hunter2 hunter3"), 'srv "--header=X-Api-Key: [redacted]"'],
  [command("srv", "postgres://me:hunter2@db/x"), "srv postgres://[redacted]@db/x"],
  [command("srv", "--db=postgres://me:hunter2@db/x?k=v"), "srv --db=postgres://[redacted]@db/x?…"],
  [
    command("docker", "-e", "API_KEY=hunter2", "-e", "A=1", "img"),
    "docker -e API_KEY=[redacted] -e A=1 img",
  ],
  [command("npx", `https://h/s/${TOKEN}/mcp?k=hunter2`), "npx https://h/s/[redacted]/mcp?…"],
  [command("srv", '{"token":"hunter2"}'), 'srv "{\\"token\\":\\"[redacted]\\"}"'],
  [command("srv", "sk-proj-abcdefghij0123456789"), "srv [redacted]"],
  [command("sh", "-c", "A=1 curl 'https://h/x?k=hunter2'"), `sh -c "A=1 curl 'https://h/x?…"`],
  [command("srv", "a".repeat(150), "b".repeat(150)), `srv ${"a".repeat(150)} …`],
];

for (const [endpoint, text] of DESCRIPTIONS) {
  Deno.test(`describeEndpoint shows ${text}`, () => {
    const shown = describeEndpoint(endpoint);
    strictEqual(shown, text);
    ok(!/hunter/.test(shown));
    // The logger redacts once more.
    strictEqual(redactText(shown), shown);
  });
}

Deno.test("describeEndpoint shows no more than 200 characters of a command", () => {
  ok(describeEndpoint(command("x".repeat(1000), "y")).length <= 200);
  const words = (count: number) => command("x", ..."y".repeat(count));
  for (let count = 90; count < 110; count++) ok(describeEndpoint(words(count)).length <= 200);
});

Deno.test("describeEndpoint of a network endpoint is an endpoint again", () => {
  for (const [text] of table) {
    const endpoint = parseEndpoint(text, "posix");
    if (endpoint.kind !== "tcp" && endpoint.kind !== "unix") continue;
    deepStrictEqual(parseEndpoint(describeEndpoint(endpoint), "posix"), endpoint);
  }
});
