/** Where the rivals come from: their published packages, kept in a folder that is not part of the repository. */
import type { Program } from "./stdio_session.ts";

/** A published package that does the same job. */
export interface Rival {
  readonly name: string;
  readonly version: string;
  /** Its program inside the package. */
  readonly bin: string;
  /** Its best arguments for this job: no logging, no transport to find out. */
  args(url: string): string[];
  readonly env: Readonly<Record<string, string>>;
}

/** The repository's root. */
export const ROOT = new URL("../../", import.meta.url);
/** Holds the rivals, their state and the last figures. */
export const CACHE = new URL(".bench/", ROOT);

/** The rivals, each at the version that is compared. */
export const RIVALS: readonly Rival[] = [
  {
    name: "mcp-remote",
    version: "0.15.1",
    bin: "dist/proxy.js",
    args: (url) => [url, "--allow-http", "--transport", "http-only", "--silent"],
    env: { MCP_REMOTE_CONFIG_DIR: filePath(new URL("mcp-auth", CACHE)) },
  },
  {
    name: "supergateway",
    version: "4.0.0",
    bin: "dist/index.js",
    args: (url) => ["--streamableHttp", url, "--logLevel", "none"],
    env: {},
  },
];

/**
 * The version of Node that runs the rivals; undefined when there is none, and Deno runs them. (Where Node is
 * missing, Deno may stand in for the command `node`; its answer has no leading `v`.)
 */
export async function nodeVersion(): Promise<string | undefined> {
  return /^v(\d\S*)$/.exec(await output("node", ["--version"]) ?? "")?.[1];
}

/**
 * Sees to it that the rivals are there: `npm install` into the cache folder, by their exact versions, once.
 * @returns how each is started; without Node or npm Deno runs them straight from the registry
 */
export async function installRivals(): Promise<(rival: Rival, url: string) => Program> {
  const wanted = RIVALS.map((rival) => `${rival.name}@${rival.version}`);
  const hasNode = await nodeVersion() !== undefined;
  if (hasNode && !RIVALS.every(isInstalled)) {
    await Deno.mkdir(CACHE, { recursive: true });
    const args = ["install", "--prefix", filePath(CACHE), "--no-audit", "--no-fund", "--ignore-scripts"];
    await output(Deno.build.os === "windows" ? "npm.cmd" : "npm", [...args, ...wanted]);
  }
  return (rival, url) => {
    if (hasNode && isInstalled(rival)) {
      const bin = new URL(`node_modules/${rival.name}/${rival.bin}`, CACHE);
      return { command: "node", args: [filePath(bin), ...rival.args(url)], env: rival.env };
    }
    const run = ["run", "-A", "-q", "--no-config", "--no-lock", "--minimum-dependency-age=0"];
    const args = [...run, `npm:${rival.name}@${rival.version}`, ...rival.args(url)];
    return { command: Deno.execPath(), args, env: rival.env };
  };
}

function isInstalled(rival: Rival): boolean {
  try {
    const manifest = Deno.readTextFileSync(new URL(`node_modules/${rival.name}/package.json`, CACHE));
    return JSON.parse(manifest).version === rival.version;
  } catch {
    return false;
  }
}

/** A file URL as a path of this system. */
export function filePath(url: URL): string {
  const path = decodeURIComponent(url.pathname);
  return Deno.build.os === "windows" ? path.slice(1).replaceAll("/", "\\") : path;
}

async function output(command: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const { success, stdout } = await new Deno.Command(command, {
      args: [...args],
      stdin: "null",
      stderr: "null",
    }).output();
    return success ? new TextDecoder().decode(stdout).trim() : undefined;
  } catch {
    return undefined;
  }
}
