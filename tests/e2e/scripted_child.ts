/** A child process that speaks MCP over its pipes as a test scripts it, and shows what came to it. */
import { createInbox, DEFAULT_WAIT_MS } from "../support/inbox.ts";

/** A command, and what its process received. */
export interface ScriptedChild extends AsyncDisposable {
  readonly command: readonly [string, ...string[]];
  /** The first line, past or future, that holds this text. */
  received(part: string, timeoutMs?: number): Promise<string>;
  /** Every line it received, and what it noted with `note(text)`. */
  readonly lines: readonly string[];
}

/**
 * Makes a child. The script for a method (or `start`) is JavaScript that sees `line`, `message`, `say(text)`,
 * `reply(result)`, `idOf(line)`, `note(text)` and `Deno`; other requests get an empty result, `initialize` a good one.
 */
export function scriptedChild(scripts: Readonly<Record<string, string>> = {}): ScriptedChild {
  const inbox = createInbox<string>((items) => `the child received\n${items.join("\n")}`);
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const reading = new Set<Promise<void>>();
  const accepting = (async () => {
    for await (const connection of listener) {
      const done = readLines(connection, inbox.push).finally(() => reading.delete(done));
      reading.add(done);
    }
  })();
  const cases = Object.entries(scripts)
    .map(([method, script]) => `${JSON.stringify(method)}: async (line, message, reply) => { ${script} },`);
  const source = `
    const wire = await Deno.connect({ hostname: "127.0.0.1", port: ${listener.addr.port} });
    const encoder = new TextEncoder();
    const writeAll = (to, text) => { for (let b = encoder.encode(text); b.length > 0;) b = b.subarray(to.writeSync(b)); };
    const say = (text) => writeAll(Deno.stdout, text + "\\n");
    const note = async (text) => { for (let b = encoder.encode(text + "\\n"); b.length > 0;) b = b.subarray(await wire.write(b)); };
    const idOf = (line) => /"id"\\s*:\\s*("(?:[^"\\\\]|\\\\.)*"|[^\\s,}]+)/.exec(line)[1];
    const scripts = { ${cases.join("\n")} };
    await scripts.start?.();
    let rest = "";
    for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\\n");
      rest = lines.pop();
      for (const line of lines) {
        await note(line);
        const message = JSON.parse(line);
        const reply = (result) => say('{"jsonrpc":"2.0","id":' + idOf(line) + ',"result":' + JSON.stringify(result) + '}');
        const script = scripts[message.method];
        if (script !== undefined) await script(line, message, reply);
        else if (message.method === "initialize") {
          const { protocolVersion } = message.params;
          reply({ protocolVersion, capabilities: {}, serverInfo: { name: "child", version: "1" } });
        } else if (message.method !== undefined && message.id !== undefined) reply({});
      }
    }
    wire.close();
  `;
  return {
    command: [Deno.execPath(), "eval", "--quiet", source],
    lines: inbox.items,
    received: (part, timeoutMs = DEFAULT_WAIT_MS) => inbox.find((line) => line.includes(part), timeoutMs),
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      await Promise.all(reading);
    },
  };
}

async function readLines(connection: Deno.Conn, push: (line: string) => void): Promise<void> {
  let rest = "";
  try {
    for await (const text of connection.readable.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) push(line);
    }
  } catch {
    // The child was killed.
  }
}
