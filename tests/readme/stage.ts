/** What the README's examples talk to, in place of the servers that they name. */
import { VERSION } from "../../src/version.ts";
import { SDK_STDIO_COMMAND } from "../support/sdk_servers.ts";
import { type RawLineServer, startRawLineServer } from "../support/raw_line_server.ts";
import { type RawServer, startRawServer } from "../support/raw_server.ts";

/** The places that the README names, each played by a server of our own. */
export interface Stage extends AsyncDisposable {
  /** `https://example.com/mcp`. */
  readonly example: RawServer;
  /** A list of releases, in which this version is the newest. */
  readonly releases: string;
  /** Replaces the places in the words of a command line. */
  staged(words: readonly string[]): string[];
}

/** The addresses that stand for servers at URLs. */
const URLS = [
  "https://example.com/mcp",
  "https://a.example/mcp",
  "https://b.example/mcp",
  "https://c.example/mcp",
];

/** Starts the servers. */
export async function startStage(): Promise<Stage> {
  await using stack = new AsyncDisposableStack();
  const raw: RawServer[] = [];
  for (const _ of URLS) raw.push(stack.use(await startRawServer()));
  const tcp: RawLineServer = stack.use(await startRawLineServer());
  const list = { scope: "x", name: "mcp-connect", latest: VERSION, versions: {} };
  const releases = stack.use(
    Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, () => Response.json(list)),
  );
  const directory = await Deno.makeTempDir();
  stack.defer(() => Deno.remove(directory, { recursive: true }));
  const unix = Deno.build.os === "windows"
    ? undefined
    : stack.use(await startRawLineServer({ path: `${directory}/mcp.sock` }));
  const example = raw[0]!;
  const places: [from: string, to: string][] = [
    ...URLS.map((url, i): [string, string] => [url, raw[i]!.url]),
    ["example.com:443", new URL(example.url).host],
    ["127.0.0.1:9000", `127.0.0.1:${tcp.port}`],
    ["unix:/run/mcp.sock", unix?.endpoint ?? tcp.endpoint],
  ];
  const owned = stack.move();
  return {
    example,
    releases: `http://127.0.0.1:${releases.addr.port}/releases`,
    staged(words) {
      const replaced = words.map((word) =>
        places.reduce((text, [from, to]) => text.replaceAll(from, to), word)
      );
      const at = replaced.indexOf("--");
      const command = at < 0 ? "" : replaced.slice(at + 1).join(" ");
      return command === "node server.js" ? [...replaced.slice(0, at + 1), ...SDK_STDIO_COMMAND] : replaced;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
