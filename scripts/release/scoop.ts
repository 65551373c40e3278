/**
 * `deno run --allow-read=CHECKSUMS scripts/release/scoop.ts VERSION OWNER/NAME CHECKSUMS`: prints the Scoop manifest for
 * a release, made from the release's own checksums.
 */
import { checksumOf, type Checksums, CHECKSUMS_FILE, parseChecksums } from "./checksums.ts";
import { checkRelease, downloadAddress, homepageOf, type Release } from "./release_address.ts";
import { executableName, targetFor } from "./targets.ts";

/** The architectures, as Scoop and we call them. */
const ARCHITECTURES = [["64bit", "x64"], ["arm64", "arm64"]] as const;

/** Scoop keeps a download under the name behind `#/`. */
const RENAMED = "#/mcp-connect.exe";

/**
 * The manifest for a release, as a plain object.
 *
 * @throws {Error} when an executable has no checksum
 */
export function scoopManifest(release: Release, checksums: Checksums): Record<string, unknown> {
  const files = ARCHITECTURES.map(([name, cpu]) => [name, executableName(targetFor("win32", cpu))] as const);
  // Scoop itself puts a later version in here.
  const later = { ...release, version: "$version" };
  return {
    version: release.version,
    description: "Connects any MCP client to any MCP server",
    homepage: homepageOf(release),
    license: "MIT",
    architecture: Object.fromEntries(files.map(([name, file]) => [name, {
      url: `${downloadAddress(release, file)}${RENAMED}`,
      hash: checksumOf(checksums, file),
    }])),
    bin: "mcp-connect.exe",
    checkver: { github: homepageOf(release) },
    autoupdate: {
      architecture: Object.fromEntries(files.map(([name, file]) => [name, {
        url: `${downloadAddress(later, file)}${RENAMED}`,
      }])),
      hash: { url: `$baseurl/${CHECKSUMS_FILE}` },
    },
  };
}

if (import.meta.main) {
  const [version, repository, checksums] = Deno.args;
  if (version === undefined || repository === undefined || checksums === undefined) {
    throw new Error("scoop.ts takes a version, a repository and the file with the checksums");
  }
  const release = checkRelease(version, repository);
  const manifest = scoopManifest(release, parseChecksums(Deno.readTextFileSync(checksums)));
  Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(manifest, null, 4)}\n`));
}
