import { type SecretBox, SecretBoxError } from "../secret_box.ts";
import { runTool, type Tool, type ToolRun } from "./run_tool.ts";

/** The Secret Service's own command. */
export const SECRET_TOOL: Tool = { command: "secret-tool", from: "it (Debian and Ubuntu: libsecret-tools)" };

/** The keychain of Linux desktops (the Secret Service: GNOME Keyring, KWallet), by its own command. */
export function secretService(tool: Tool = SECRET_TOOL): SecretBox {
  const attributes = (id: string) => ["service", "mcp-connect", "account", id];
  return {
    name: "the Secret Service",
    async get(id) {
      const run = await runTool(tool, ["lookup", ...attributes(id)]);
      if (run.code === 0) return run.stdout.replace(/\n$/, "");
      // Where there is nothing it says nothing.
      if (run.stderr === "") return undefined;
      throw failed(run);
    },
    async set(id, secret, label) {
      const run = await runTool(tool, ["store", `--label=${label}`, ...attributes(id)], secret);
      if (run.code !== 0) throw failed(run);
    },
    async delete(id) {
      const run = await runTool(tool, ["clear", ...attributes(id)]);
      if (run.code !== 0 && run.stderr !== "") throw failed(run);
    },
  };
}

function failed({ code, stderr }: ToolRun): SecretBoxError {
  return new SecretBoxError(
    `the Secret Service refuses: ${stderr === "" ? `exit code ${code}` : stderr}`,
    "is a keyring running in this session, and unlocked?",
  );
}
