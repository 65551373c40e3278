/**
 * `deno run --allow-read --allow-write=OUT scripts/release/mcpb.ts VERSION OWNER/NAME EXECUTABLES OUT`: makes a bundle
 * (`.mcpb`) of each executable, which a desktop client installs with one click.
 */
import { checkRelease, homepageOf, type Release } from "./release_address.ts";
import { executableName, RELEASE_TARGETS, type ReleaseTarget } from "./targets.ts";
import { zip } from "./zip.ts";

/** The file name of a target's bundle in a release. */
export function bundleName({ target }: ReleaseTarget): string {
  return `mcp-connect-${target}.mcpb`;
}

/**
 * The manifest of a target's bundle (MCPB 0.3), as a plain object. What the user enters comes in by environment
 * variables, so that no token stands in a list of processes. What is optional has an empty default: some clients leave
 * the placeholder of what was not entered as it is, and an empty variable counts as not set.
 */
export function mcpbManifest(release: Release, { platform }: ReleaseTarget): Record<string, unknown> {
  const command = `server/mcp-connect${platform === "win32" ? ".exe" : ""}`;
  return {
    manifest_version: "0.3",
    name: "mcp-connect",
    display_name: "mcp-connect",
    version: release.version,
    description: "Connects this client to any MCP server: Streamable HTTP, HTTP+SSE, TCP, sockets, commands.",
    long_description:
      "A server that lives behind a URL, on a port or in a command becomes one that this client can start. " +
      "Signing in, lost sessions and servers of another revision of the protocol are taken care of.",
    author: { name: "the mcp-connect authors", url: homepageOf(release) },
    repository: { type: "git", url: `${homepageOf(release)}.git` },
    homepage: homepageOf(release),
    documentation: `${homepageOf(release)}#readme`,
    support: `${homepageOf(release)}/issues`,
    license: "MIT",
    keywords: ["proxy", "bridge", "remote", "http", "sse", "oauth"],
    server: {
      type: "binary",
      entry_point: command,
      mcp_config: {
        command: `\${__dirname}/${command}`,
        args: ["proxy"],
        env: {
          MCP_CONNECT_ENDPOINT: "${user_config.endpoint}",
          MCP_CONNECT_AUTH_TOKEN: "${user_config.auth_token}",
          MCP_CONNECT_HEADERS: "${user_config.headers}",
        },
      },
    },
    tools_generated: true,
    prompts_generated: true,
    user_config: {
      endpoint: {
        type: "string",
        title: "Server",
        description: "https://…, tcp://host:port, host:port, unix:path or a command line",
        required: true,
      },
      auth_token: {
        type: "string",
        title: "Token",
        description:
          "Sent as Authorization: Bearer …; leave it empty where there is none, or where you sign in with a browser",
        sensitive: true,
        required: false,
        default: "",
      },
      headers: {
        type: "string",
        title: "Headers",
        description: "Further ones, separated by commas: X-Team: blue, X-Key: …",
        sensitive: true,
        required: false,
        default: "",
      },
    },
    compatibility: { platforms: [platform] },
  };
}

/** A target's bundle: an archive of the manifest, the executable and the licence. */
export function mcpbBundle(
  release: Release,
  target: ReleaseTarget,
  files: { readonly executable: Uint8Array; readonly license: Uint8Array },
): Uint8Array<ArrayBuffer> {
  const manifest = `${JSON.stringify(mcpbManifest(release, target), null, 2)}\n`;
  return zip([
    { name: "manifest.json", data: new TextEncoder().encode(manifest) },
    {
      name: `server/mcp-connect${target.platform === "win32" ? ".exe" : ""}`,
      data: files.executable,
      executable: true,
    },
    { name: "LICENSE", data: files.license },
  ]);
}

if (import.meta.main) {
  const [version, repository, executables, out] = Deno.args;
  if (version === undefined || repository === undefined || executables === undefined || out === undefined) {
    throw new Error("mcpb.ts takes a version, a repository and two directories");
  }
  const release = checkRelease(version, repository);
  const license = await Deno.readFile(new URL("../../LICENSE", import.meta.url));
  // Where one executable is missing there is no bundle at all.
  for (const target of RELEASE_TARGETS) await Deno.stat(`${executables}/${executableName(target)}`);
  await Deno.mkdir(out, { recursive: true });
  for (const target of RELEASE_TARGETS) {
    const executable = await Deno.readFile(`${executables}/${executableName(target)}`);
    await Deno.writeFile(
      `${out}/${bundleName(target)}`,
      mcpbBundle(release, target, { executable, license }),
    );
  }
}
