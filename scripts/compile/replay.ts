import type { Payload, PayloadMetadata } from "./payload.ts";

/** How long the program may take to tell its version, in milliseconds. */
const BOUND_MS = 60_000;

/**
 * Runs what an executable carries as the executable would: the files that were taken out of it, by Deno, with the
 * permissions, V8 flags and arguments that it carries.
 *
 * @param directory where the files go
 * @returns what the program prints
 */
export async function replay(
  { metadata, files }: Payload,
  directory: string,
  args: readonly string[],
): Promise<string> {
  for (const [path, bytes] of files) {
    const file = `${directory}/${path}`;
    await Deno.mkdir(file.replace(/\/[^/]*$/, ""), { recursive: true });
    await Deno.writeFile(file, bytes);
  }
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...replayArgs(metadata, directory), ...args],
    stdin: "null",
    env: { NO_COLOR: "1" },
    signal: AbortSignal.timeout(BOUND_MS),
  }).output();
  const decoder = new TextDecoder();
  return `${decoder.decode(stdout)}${decoder.decode(stderr)}`.trim();
}

/** The arguments by which Deno runs taken-out files as their executable would run them. */
export function replayArgs(metadata: PayloadMetadata, directory: string): string[] {
  return [
    "run",
    "--quiet",
    "--no-config",
    "--no-lock",
    "--no-remote",
    "--no-npm",
    `--v8-flags=${metadata.v8_flags.slice(1).join(",")}`,
    ...(metadata.permissions.prompt ? [] : ["--no-prompt"]),
    ...permissionArgs(metadata.permissions),
    `${directory}/${metadata.entrypoint_key}`,
    ...metadata.argv,
  ];
}

const KINDS = ["net", "read", "write", "env", "run", "ffi", "sys"] as const;

function permissionArgs(permissions: PayloadMetadata["permissions"]): string[] {
  return [
    ...KINDS.flatMap((kind) =>
      (["allow", "deny"] as const).flatMap((way) => {
        const values = permissions[`${way}_${kind}`];
        if (values === null || values === undefined) return [];
        return [values.length === 0 ? `--${way}-${kind}` : `--${way}-${kind}=${values.join(",")}`];
      })
    ),
    ...(permissions.deny_import === null ? [] : ["--deny-import"]),
  ];
}
