/**
 * `deno run --allow-read --allow-run=deno scripts/release/sbom.ts [OWNER/NAME]`: prints what the program is made of, a
 * CycloneDX bill of materials: the packages in its module graph as `deno.lock` has them, and the runtime.
 */
import { createHash } from "node:crypto";
import { checkRepository, homepageOf } from "./release_address.ts";

/** What of `deno.lock` is looked at. */
export interface Lock {
  readonly npm?: Readonly<
    Record<string, { readonly integrity?: string; readonly dependencies?: readonly string[] }>
  >;
}

/** What a bill of materials is made from. */
export interface SbomInput {
  readonly version: string;
  /** `owner/name` on GitHub. */
  readonly repository?: string;
  /** The version of Deno that is part of an executable. */
  readonly deno: string;
  /** The packages that the program imports, `name@version`. */
  readonly packages: readonly string[];
  readonly lock: Lock;
}

/**
 * The bill of materials (CycloneDX 1.6), as a plain object: the same from the same input. It has a serial number, without
 * which what attests it takes it for no bill of materials.
 *
 * @throws {Error} when `deno.lock` does not have a package, or not its checksum
 */
export function sbom({ version, repository, deno, packages, lock }: SbomInput): Record<string, unknown> {
  const all = lock.npm ?? {};
  const found = new Map<string, readonly string[]>();
  const queue = packages.map((name) => keyOf(all, name));
  for (let key = queue.pop(); key !== undefined; key = queue.pop()) {
    if (found.has(key)) continue;
    const dependencies = (all[key]!.dependencies ?? []).map((name) => keyOf(all, name));
    found.set(key, dependencies);
    queue.push(...dependencies);
  }
  const keys = [...found.keys()].sort();
  const program = `pkg:generic/mcp-connect@${version}`;
  const runtime = `pkg:github/denoland/deno@v${deno}`;
  const contents = {
    metadata: {
      component: {
        type: "application",
        "bom-ref": program,
        name: "mcp-connect",
        version,
        purl: program,
        licenses: [{ license: { id: "MIT" } }],
        ...(repository === undefined
          ? {}
          : { externalReferences: [{ type: "vcs", url: `${homepageOf({ repository })}.git` }] }),
      },
    },
    components: [
      { type: "platform", "bom-ref": runtime, name: "deno", version: deno, purl: runtime },
      ...keys.map((key) => componentOf(key, all[key]!.integrity)),
    ],
    dependencies: [
      {
        ref: program,
        dependsOn: [runtime, ...packages.map((name) => purlOf(keyOf(all, name)))].sort(),
      },
      { ref: runtime },
      ...keys.map((key) => ({ ref: purlOf(key), dependsOn: found.get(key)!.map(purlOf).sort() })),
    ],
  };
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    serialNumber: `urn:uuid:${uuidOf(JSON.stringify(contents))}`,
    version: 1,
    ...contents,
  };
}

/** A UUID of version 8 (RFC 9562, section 5.8) made of a text's hash. */
function uuidOf(text: string): string {
  const bytes = createHash("sha256").update(text).digest().subarray(0, 16);
  bytes[6] = bytes[6]! & 0x0f | 0x80;
  bytes[8] = bytes[8]! & 0x3f | 0x80;
  return bytes.toHex().replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** A package's key in the lock file: a name alone when there is one version, and peers may follow the version. */
function keyOf(all: NonNullable<Lock["npm"]>, name: string): string {
  const keys = Object.keys(all).filter((key) =>
    key === name || key.startsWith(`${name}_`) || (!name.includes("@", 1) && key.startsWith(`${name}@`))
  );
  if (keys.length !== 1) {
    throw new Error(`deno.lock has ${keys.length === 0 ? "no" : "more than one"} ${name}`);
  }
  return keys[0]!;
}

/** A package's address (package-url.org); peers are no part of it. */
function purlOf(key: string): string {
  const at = key.indexOf("@", 1);
  const version = key.slice(at + 1).replace(/_.*$/, "");
  return `pkg:npm/${key.slice(0, at).replace(/^@/, "%40")}@${version}`;
}

function componentOf(key: string, integrity: string | undefined): Record<string, unknown> {
  const base64 = integrity?.match(/^sha512-([A-Za-z0-9+/]+=*)$/)?.[1];
  if (base64 === undefined) throw new Error(`deno.lock has no SHA-512 checksum of ${key}`);
  const at = key.indexOf("@", 1);
  const [scope, name] = key.startsWith("@") ? key.slice(0, at).split("/") : [undefined, key.slice(0, at)];
  return {
    type: "library",
    "bom-ref": purlOf(key),
    ...(scope === undefined ? {} : { group: scope }),
    name,
    version: key.slice(at + 1).replace(/_.*$/, ""),
    purl: purlOf(key),
    hashes: [{ alg: "SHA-512", content: Uint8Array.fromBase64(base64).toHex() }],
  };
}

/** The packages in the program's module graph, `name@version`. */
export async function packagesOfProgram(): Promise<string[]> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "src/main.ts"],
    cwd: new URL("../../", import.meta.url),
    stdin: "null",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as {
    modules: { specifier: string; npmPackage?: string }[];
  };
  const names = modules.flatMap(({ specifier, npmPackage }) =>
    specifier.startsWith("npm:") ? [npmPackage ?? specifier.replace(/^npm:\/?/, "")] : []
  );
  return [...new Set(names)].sort();
}

if (import.meta.main) {
  const [repository] = Deno.args;
  const read = (path: string) => JSON.parse(Deno.readTextFileSync(new URL(`../../${path}`, import.meta.url)));
  const bill = sbom({
    version: read("deno.json").version,
    ...(repository === undefined ? {} : { repository: checkRepository(repository) }),
    deno: Deno.version.deno,
    packages: await packagesOfProgram(),
    lock: read("deno.lock"),
  });
  Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(bill, null, 2)}\n`));
}
