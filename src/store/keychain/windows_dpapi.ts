import { readEntry } from "../read_entry.ts";
import { removeEntry } from "../remove_entry.ts";
import { type SecretBox, SecretBoxError } from "../secret_box.ts";
import { writeEntry } from "../write_entry.ts";
import { runTool, type Tool } from "./run_tool.ts";

/** The directory of protected secrets in the store. */
const PROTECTED = "protected";

/**
 * Windows' data protection (DPAPI): the secret is a file that only this Windows user, on this machine, can make sense of.
 *
 * @param directory the store's directory, where the files are
 */
export function windowsDpapi(directory: string, tool: Tool = powershell()): SecretBox {
  const place = (id: string) => ({ directory, kind: PROTECTED, key: id });

  async function convert(how: "Protect" | "Unprotect", input: string): Promise<string> {
    const run = await runTool(
      tool,
      ["-NoProfile", "-NonInteractive", "-EncodedCommand", encoded(script(how))],
      input,
    );
    const output = run.stdout.trim();
    if (run.code === 0 && /^[\w+/=]+$/.test(output)) return output;
    throw new SecretBoxError(
      `Windows' data protection refuses: ${run.stderr === "" ? `exit code ${run.code}` : run.stderr}`,
      "are these the files of another user or machine? Sign in again, or use --token-store file",
    );
  }

  return {
    name: "Windows' data protection",
    async get(id) {
      const { data } = Object(await readEntry(place(id)));
      return typeof data === "string" ? atob(await convert("Unprotect", data)) : undefined;
    },
    async set(id, secret) {
      const data = await convert("Protect", btoa(secret));
      if (!await writeEntry(place(id), { data })) {
        throw new SecretBoxError(
          "the protected key can't be written",
          `run Deno with --allow-read=${directory} --allow-write=${directory}`,
        );
      }
    },
    delete: (id) => removeEntry(place(id)),
  };
}

/** Reads base64 from stdin, and writes base64: no code page gets in the way, and no argument holds a secret. */
function script(how: "Protect" | "Unprotect"): string {
  return [
    "$ErrorActionPreference = 'Stop'",
    "Add-Type -AssemblyName System.Security",
    "$in = [Convert]::FromBase64String([Console]::In.ReadToEnd().Trim())",
    `$out = [System.Security.Cryptography.ProtectedData]::${how}($in, $null, 'CurrentUser')`,
    "[Console]::Out.Write([Convert]::ToBase64String($out))",
  ].join("\n");
}

/** As `-EncodedCommand` wants it: base64 of UTF-16, little-endian. Nothing of it needs quoting. */
function encoded(text: string): string {
  const bytes = new Uint8Array(text.length * 2);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < text.length; i++) view.setUint16(i * 2, text.charCodeAt(i), true);
  return bytes.toBase64();
}

/** The PowerShell that is part of Windows, by its path: another of that name may be on `PATH`. */
function powershell(): Tool {
  const name = "SystemRoot";
  const may = Deno.permissions.querySync({ name: "env", variable: name }).state === "granted";
  const root = (may ? Deno.env.get(name) : undefined) || "C:\\Windows";
  return { command: `${root}\\System32\\WindowsPowerShell\\v1.0\\powershell.exe`, from: "Windows" };
}
