// Opens the command of its arguments (the directory, which may be empty, comes first), hands its first output on and holds it until it is ended; with `close`
// on stdin it closes the link first and tells how the child ended.
import { openChild } from "../../../src/link/child/open_child.ts";
import { createLogger } from "../../../src/telemetry/logger.ts";

const [cwd = "", command = "", ...args] = Deno.args;
function say(text: string): void {
  try {
    Deno.stdout.writeSync(new TextEncoder().encode(`${text}
`));
  } catch {
    // The test has read enough.
  }
}

const logger = createLogger({ level: "warn", format: "text" });
try {
  const link = await openChild({ command, args, env: {}, logger, ...(cwd === "" ? {} : { cwd }) })(
    new AbortController().signal,
  );
  say(new TextDecoder().decode((await link.read()) ?? new Uint8Array()).trim());
  const order = new Uint8Array(16);
  const length = (await Deno.stdin.read(order)) ?? 0;
  if (new TextDecoder().decode(order.subarray(0, length)).startsWith("exit")) Deno.exit(0);
  await link.close();
  say(`closed: ${link.ending?.()}`);
} catch (error) {
  const { code, message, hint } = error as { code?: string; message: string; hint?: string };
  say(JSON.stringify({ code, message, hint }));
}
