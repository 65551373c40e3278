import { type SecretBox, SecretBoxError } from "../secret_box.ts";
import { runTool, type Tool, type ToolRun } from "./run_tool.ts";

const SECURITY: Tool = { command: "/usr/bin/security", from: "macOS" };
/** The low byte of errSecItemNotFound, −25300. */
const NOT_FOUND = 44;

/** The login keychain of macOS, by its own command. */
export function macosKeychain(tool: Tool = SECURITY): SecretBox {
  const item = (id: string) => ["-s", "mcp-connect", "-a", id];
  return {
    name: "the macOS keychain",
    async get(id) {
      const run = await runTool(tool, ["find-generic-password", ...item(id), "-w"]);
      if (run.code === 0) return run.stdout.replace(/\n$/, "");
      if (run.code === NOT_FOUND) return undefined;
      throw failed(run);
    },
    async set(id, secret, label) {
      // With -i it reads its commands from stdin, and ends with the status of the last one. A line may have 4095 bytes.
      const command = ["add-generic-password", "-U", ...item(id), "-l", quoted(label), "-w", secret].join(
        " ",
      );
      const run = await runTool(tool, ["-i"], `${command}\n`);
      if (run.code !== 0) throw failed(run);
    },
    async delete(id) {
      const run = await runTool(tool, ["delete-generic-password", ...item(id)]);
      if (run.code !== 0 && run.code !== NOT_FOUND) throw failed(run);
    },
  };
}

/** As one word of a command line of `security`; what could end it is left out. */
function quoted(label: string): string {
  return `"${label.replace(/[^\w .:/[\]~%+@=,-]/g, "").slice(0, 500)}"`;
}

function failed({ code, stderr }: ToolRun): SecretBoxError {
  return new SecretBoxError(
    `the macOS keychain refuses: ${stderr === "" ? `exit code ${code}` : stderr}`,
    "is the login keychain unlocked, and is somebody there to allow it?",
  );
}
