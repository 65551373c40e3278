/**
 * `deno run -A scripts/release/npm_package.ts DIRECTORY [OWNER/NAME] [PACKAGE]`: makes the package for npm in a directory:
 * the bundled program, and a script for Node that runs it with the Deno of npm's `deno` package. `npm pack DIRECTORY` makes
 * the tarball of it.
 */
import { fileURLToPath } from "node:url";
import { bundleProgram } from "../bundle.ts";
import { permissionFlags } from "../compile/permissions.ts";
import { checkRepository, homepageOf } from "./release_address.ts";

/** What the package's manifest is made from. */
export interface NpmPackage {
  /** The package's name. @default "mcp-connect" */
  readonly name?: string;
  readonly version: string;
  /** The version of Deno that it runs with. */
  readonly deno: string;
  /** `owner/name` on GitHub; npm wants it where it vouches for where a package was made. */
  readonly repository?: string;
}

/** The manifest of the package, as a plain object. */
export function npmManifest(
  { name = "mcp-connect", version, deno, repository }: NpmPackage,
): Record<string, unknown> {
  return {
    name,
    version,
    description: "Connects any MCP client to any MCP server",
    keywords: ["mcp", "modelcontextprotocol", "proxy", "bridge", "stdio", "http", "sse", "oauth"],
    license: "MIT",
    ...(repository === undefined ? {} : {
      homepage: homepageOf({ repository }),
      bugs: `${homepageOf({ repository })}/issues`,
      repository: { type: "git", url: `git+${homepageOf({ repository })}.git` },
    }),
    type: "module",
    bin: { "mcp-connect": "bin/mcp-connect.mjs" },
    files: ["bin", "dist"],
    engines: { node: ">=18" },
    os: ["darwin", "linux", "win32"],
    cpu: ["arm64", "x64"],
    // The very version that the release was tested with.
    dependencies: { deno },
  };
}

/** The script for Node, with the permissions that the executables have, filled in. */
export function npmShim(template: string): string {
  const list = (os: "linux" | "darwin" | "windows") => JSON.stringify(permissionFlags(os));
  const shim = template.replace(
    "PERMISSIONS",
    () => `{ darwin: ${list("darwin")}, linux: ${list("linux")}, win32: ${list("windows")} }`,
  );
  if (shim === template) throw new Error("the script has no place for the permissions");
  return shim;
}

/** Makes the package in a directory, which should be empty. */
export async function makeNpmPackage(directory: string, options: NpmPackage): Promise<void> {
  const root = fileURLToPath(new URL("../../", import.meta.url));
  await Deno.mkdir(`${directory}/bin`, { recursive: true });
  await bundleProgram(`${root}src/main.ts`, `${directory}/dist`);
  const shim = npmShim(await Deno.readTextFile(`${root}scripts/release/npm_shim.mjs`));
  await Deno.writeTextFile(`${directory}/bin/mcp-connect.mjs`, shim, { mode: 0o755 });
  await Deno.writeTextFile(
    `${directory}/package.json`,
    `${JSON.stringify(npmManifest(options), null, 2)}\n`,
  );
  for (const file of ["README.md", "LICENSE"]) await Deno.copyFile(`${root}${file}`, `${directory}/${file}`);
}

if (import.meta.main) {
  const [directory, repository, name] = Deno.args;
  if (directory === undefined) throw new Error("npm_package.ts takes a directory");
  const { version } = JSON.parse(Deno.readTextFileSync(new URL("../../deno.json", import.meta.url)));
  await makeNpmPackage(directory, {
    version,
    deno: Deno.version.deno,
    ...(repository === undefined ? {} : { repository: checkRepository(repository) }),
    ...(name === undefined || name === "" ? {} : { name }),
  });
}
