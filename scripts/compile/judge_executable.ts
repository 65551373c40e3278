import { Buffer } from "node:buffer";
import { executableTarget } from "./executable.ts";
import { type PayloadMetadata, readPayload } from "./payload.ts";
import type { Target } from "./targets.ts";

/** What an executable has to hold. */
export interface Expected {
  readonly target: Target;
  /** Its permissions, as the flags that grant them. */
  readonly flags: readonly string[];
  readonly args: readonly string[];
  readonly v8Flags: readonly string[];
  /** The path of the main module among the files. */
  readonly entry: string;
  /** The files of the bundle, by their paths. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** The icon file, for Windows. */
  readonly icon: Uint8Array;
}

/** Reads an executable and tells what is not as expected, a line each; nothing when all is well. */
export function judgeExecutable(bytes: Uint8Array, expected: Expected): string[] {
  const { target } = expected;
  const found = executableTarget(bytes);
  if (found?.os !== target.os || found.arch !== target.arch) {
    return [`it is for ${found === undefined ? "no known system" : `${found.arch} ${found.os}`}`];
  }
  let payload;
  try {
    payload = readPayload(bytes);
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
  const { metadata, files } = payload;
  return [
    ...judgePermissions(metadata, expected.flags),
    ...differ("arguments", metadata.argv, expected.args),
    ...differ("entry point", metadata.entrypoint_key, expected.entry),
    ...expected.v8Flags.filter((it) => !metadata.v8_flags.includes(it)).map((it) =>
      `V8 flag ${it} is missing`
    ),
    ...differ("packages", metadata.node_modules, null),
    ...differ("variables", metadata.env_vars_from_env_file, {}),
    ...differ("log level", metadata.log_level, "ERROR"),
    ...judgeFiles(files, expected.files),
    ...(target.os === "windows" && !holdsIcon(bytes, expected.icon) ? ["the icon is missing"] : []),
  ];
}

const KINDS = ["net", "read", "write", "env", "run", "ffi", "sys", "import"] as const;

function judgePermissions({ permissions }: PayloadMetadata, flags: readonly string[]): string[] {
  const granted = (way: "allow" | "deny", kind: string): readonly string[] | null => {
    const name = `--${way}-${kind}`;
    const flag = flags.find((it) => it === name || it.startsWith(`${name}=`));
    return flag === undefined ? null : flag.split(/[=,]/).slice(1);
  };
  return [
    ...differ("prompt", permissions.prompt, false),
    ...KINDS.flatMap((kind) => [
      // What may be imported by default is named all the same; that none of it is, is what counts.
      ...(kind === "import"
        ? []
        : differ(`allow-${kind}`, permissions[`allow_${kind}`], granted("allow", kind))),
      ...differ(`deny-${kind}`, permissions[`deny_${kind}`] ?? null, granted("deny", kind)),
    ]),
  ];
}

function judgeFiles(
  found: ReadonlyMap<string, Uint8Array>,
  expected: ReadonlyMap<string, Uint8Array>,
): string[] {
  return [
    ...[...expected].flatMap(([path, bytes]) => {
      const inside = found.get(path);
      if (inside === undefined) return [`${path} is missing`];
      return Buffer.compare(inside, bytes) === 0 ? [] : [`${path} differs`];
    }),
    ...[...found.keys()].filter((path) => !expected.has(path)).map((path) => `${path} is too much`),
  ];
}

/** Whether an image of the icon, its largest, is somewhere in the executable. */
function holdsIcon(bytes: Uint8Array, icon: Uint8Array): boolean {
  const all = Buffer.from(icon.buffer, icon.byteOffset, icon.byteLength);
  const last = 6 + 16 * (all.readUInt16LE(4) - 1);
  const start = all.readUInt32LE(last + 12);
  const image = all.subarray(start, start + all.readUInt32LE(last + 8));
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes(image);
}

function differ(what: string, found: unknown, expected: unknown): string[] {
  const [is, should] = [JSON.stringify(found), JSON.stringify(expected)];
  return is === should ? [] : [`${what}: ${is} instead of ${should}`];
}
