// Opens a link to the host and port, or the path, of its arguments, closes it and tells what happened.
import { openTcp, openUnix } from "../../../src/link/socket/open_socket.ts";

const [where = "", port] = Deno.args;
const open = port === undefined
  ? openUnix({ path: where })
  : openTcp({ hostname: where, port: Number(port) });
let result: Record<string, unknown>;
try {
  await (await open(new AbortController().signal)).close();
  result = { opened: "yes" };
} catch (error) {
  const { code, message, hint } = error as { code?: string; message: string; hint?: string };
  result = { code, message, hint };
}
Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(result)));
