import { Buffer } from "node:buffer";
import { executableTarget } from "./executable.ts";
import { type PayloadMetadata, readPayload } from "./payload.ts";
import { pngPixels } from "./png_pixels.ts";
import { readResources } from "./resources.ts";
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
  /** The pixels of the icon, on Windows. */
  readonly icon: Uint8Array | undefined;
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
    ...differ(
      "V8 flags",
      metadata.v8_flags.slice(metadata.v8_flags.length - expected.v8Flags.length),
      expected.v8Flags,
    ),
    ...differ("packages", metadata.node_modules, null),
    ...differ("variables", metadata.env_vars_from_env_file, {}),
    ...differ("log level", metadata.log_level, "ERROR"),
    ...judgeFiles(files, expected.files),
    ...(expected.icon === undefined ? [] : judgeIcon(bytes, expected.icon)),
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

/** The icon is drawn anew by `deno compile`, in several sizes: the pixels of the largest have to be the same. */
function judgeIcon(bytes: Uint8Array, expected: Uint8Array): string[] {
  const resources = readResources(bytes);
  if (!resources.some(({ path }) => path[0] === ICON_GROUP)) return ["the icon is missing"];
  const images = resources.filter(({ path }) => path[0] === ICON);
  return images.some((it) => hasPixels(it.bytes, expected)) ? [] : ["the icon is another one"];
}

const ICON = 3;
const ICON_GROUP = 14;

function hasPixels(png: Uint8Array, expected: Uint8Array): boolean {
  const pixels = pngPixels(png);
  return pixels !== undefined && Buffer.compare(pixels, expected) === 0;
}

function differ(what: string, found: unknown, expected: unknown): string[] {
  const [is, should] = [JSON.stringify(found), JSON.stringify(expected)];
  return is === should ? [] : [`${what}: ${is} instead of ${should}`];
}
