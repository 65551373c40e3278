/**
 * `deno run --allow-net=127.0.0.1 --allow-run scripts/release/smoke.ts VERSION COMMAND…`: starts what was built, on the
 * system it was built for, and lets it do its work once, against a server on this machine.
 */

/** How long anything may take, in milliseconds; starting for the first time may mean a virus scan. */
const BOUND_MS = 60_000;

/** What a session ended with. */
interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Tries a build: its version, its help, and a session with a server over HTTP, which ends with stdin.
 *
 * @param command the build's command line
 * @param version the version it must have
 * @throws {Error} when it does not do as it should
 */
export async function smoke(command: readonly string[], version: string): Promise<void> {
  const told = await run(command, ["--version"]);
  if (told.stdout !== `mcp-connect ${version}\n` || told.code !== 0) throw unlike("--version", told);
  const help = await run(command, ["help", "proxy"]);
  if (!help.stdout.includes("--auth-token") || help.code !== 0) throw unlike("help proxy", help);

  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, answer);
  const url = `http://127.0.0.1:${server.addr.port}/mcp`;
  const session = await run(command, ["proxy", "--no-store", url], [
    {
      jsonrpc: "2.0",
      id: 1,
      method: "initialize",
      params: {
        protocolVersion: "2025-11-25",
        capabilities: {},
        clientInfo: { name: "smoke", version: "1" },
      },
    },
    { jsonrpc: "2.0", method: "notifications/initialized" },
    { jsonrpc: "2.0", id: "two", method: "tools/list" },
  ]);
  const answers = session.stdout.trim().split("\n").map((line) => JSON.parse(line));
  const found = answers.find(({ id }) => id === "two")?.result?.tools?.[0]?.name;
  if (session.code !== 0 || answers.length !== 2 || found !== "smoke") throw unlike("the session", session);
}

/** The server: it knows one tool. */
async function answer(request: Request): Promise<Response> {
  if (request.method !== "POST") return new Response(null, { status: 405 });
  const { id, method } = await request.json();
  if (id === undefined) return new Response(null, { status: 202 });
  const result = method === "initialize"
    ? {
      protocolVersion: "2025-11-25",
      capabilities: { tools: {} },
      serverInfo: { name: "smoke", version: "1" },
    }
    : method === "tools/list"
    ? { tools: [{ name: "smoke", inputSchema: { type: "object" } }] }
    : undefined;
  return Response.json({
    jsonrpc: "2.0",
    id,
    ...(result === undefined ? { error: { code: -32601, message: "no such method" } } : { result }),
  });
}

/** Runs the build with messages on its stdin, to its end. */
async function run(
  [file, ...first]: readonly string[],
  args: readonly string[],
  messages: readonly object[] = [],
): Promise<Finished> {
  if (file === undefined) throw new Error("there is no command");
  const signal = AbortSignal.timeout(BOUND_MS);
  const child = new Deno.Command(file, {
    args: [...first, ...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    signal,
  }).spawn();
  const writer = child.stdin.getWriter();
  const text = messages.map((message) => `${JSON.stringify(message)}\n`).join("");
  // One that ends without reading shows as what it printed.
  await writer.write(new TextEncoder().encode(text)).then(() => writer.close()).catch(() => {});
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout).replaceAll("\r\n", "\n"), stderr: decoder.decode(stderr) };
}

function unlike(what: string, { code, stdout, stderr }: Finished): Error {
  return new Error(`${what} went wrong: exit code ${code}\nstdout: ${stdout}\nstderr: ${stderr}`);
}

if (import.meta.main) {
  const [version, ...command] = Deno.args;
  if (version === undefined || command.length === 0) {
    throw new Error("smoke.ts takes a version and a command");
  }
  await smoke(command, version);
  Deno.stdout.writeSync(new TextEncoder().encode("it works\n"));
}
