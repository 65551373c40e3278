import { Buffer } from "node:buffer";
import { findSection, SECTION } from "./find_section.ts";

/** What `deno compile` has put into an executable. */
export interface Payload {
  /** As the executable's runtime will read it. */
  readonly metadata: PayloadMetadata;
  /** The files inside, by their paths. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** The part of the metadata that is looked at here. */
export interface PayloadMetadata {
  /** Arguments before the user's. */
  readonly argv: readonly string[];
  /** The lists of a grant or a refusal are empty where it is for all. */
  readonly permissions:
    & Readonly<Record<`${"allow" | "deny"}_${string}`, readonly string[] | null>>
    & { readonly prompt: boolean };
  /** The first stands where V8 expects a program's name; Deno's own come before those that were asked for. */
  readonly v8_flags: readonly string[];
  /** The path of the main module. */
  readonly entrypoint_key: string;
  readonly node_modules: unknown;
  readonly env_vars_from_env_file: Readonly<Record<string, string>>;
  readonly log_level: string | null;
}

/** What marks the payload's end. */
const MAGIC = SECTION;
/** The npm snapshot's length, the count of specifiers and the remote modules; all are 0 where there are none. */
const NO_PACKAGES = 20;

/**
 * Reads what `deno compile` has put into an executable, whichever its format.
 *
 * @throws {Error} when there is none, or it is not as expected (Deno may have changed it)
 */
export function readPayload(executable: Uint8Array): Payload {
  const section = findSection(executable);
  if (section === undefined) throw new Error("the executable holds no program: there is no payload in it");
  const bytes = Buffer.from(section.buffer, section.byteOffset, section.byteLength);
  if (bytes.toString("latin1", 0, MAGIC.length) !== MAGIC) {
    throw new Error("the payload does not begin as it should");
  }
  const metadata = sectionAt(bytes, MAGIC.length);
  return { metadata: JSON.parse(metadata.bytes.toString("utf8")), files: readFiles(bytes, metadata.end) };
}

function readFiles(bytes: Buffer, at: number): Map<string, Uint8Array> {
  if (bytes.subarray(at, at + NO_PACKAGES).some((byte) => byte !== 0)) {
    throw new Error("the executable holds npm packages or remote modules beside the program");
  }
  const tree = sectionAt(bytes, at + NO_PACKAGES);
  const data = sectionAt(bytes, tree.end);
  if (bytes.toString("latin1", data.end) !== MAGIC) throw new Error("the payload does not end as it should");
  const files = new Map<string, Uint8Array>();
  collect(JSON.parse(tree.bytes.toString("utf8")), "", data.bytes, files);
  return files;
}

/** An entry of the file tree; of a file `o` is where its data begins, and its length. */
type Entry =
  | { readonly Dir: { readonly n: string; readonly e: readonly Entry[] } }
  | { readonly File: { readonly n: string; readonly o: readonly [number, number] } };

function collect(
  entries: readonly Entry[],
  folder: string,
  data: Uint8Array,
  files: Map<string, Uint8Array>,
): void {
  for (const entry of entries) {
    if ("Dir" in entry) collect(entry.Dir.e, `${folder}${entry.Dir.n}/`, data, files);
    else if ("File" in entry) {
      const [start, length] = entry.File.o;
      files.set(folder + entry.File.n, data.subarray(start, start + length));
    } else throw new Error(`the payload holds ${JSON.stringify(entry).slice(0, 100)}`);
  }
}

/** What has its length before it. */
function sectionAt(bytes: Buffer, at: number): { bytes: Buffer; end: number } {
  const start = at + 8;
  const end = start + lengthAt(bytes, at);
  if (end > bytes.length) throw new Error("the payload is cut off");
  return { bytes: bytes.subarray(start, end), end };
}

function lengthAt(bytes: Buffer, at: number): number {
  if (at + 8 > bytes.length) throw new Error("the payload is cut off");
  return Number(bytes.readBigUInt64LE(at));
}
