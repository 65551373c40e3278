/** A protected MCP server, who gives tokens for it, a person with a browser, and a store: all that a sign-in needs. */
import {
  type AuthorizationServerOptions,
  startAuthorizationServer,
  type TestAuthorizationServer,
} from "../oauth/authorization_server.ts";
import type { Program, ProgramOptions } from "../support/program.ts";
import { startProgram } from "../support/program.ts";
import {
  type ProtectedServer,
  type ProtectedServerOptions,
  startProtectedServer,
} from "../support/protected_server.ts";
import { startTestBrowser, type TestBrowser } from "../support/test_browser.ts";

/** Options of {@linkcode startPlace}. */
export interface PlaceOptions extends ProtectedServerOptions {
  readonly authorization?: AuthorizationServerOptions;
}

/** Everything at once. */
export interface Place extends AsyncDisposable {
  readonly server: ProtectedServer;
  readonly authorization: TestAuthorizationServer;
  readonly browser: TestBrowser;
  /** The store's directory. */
  readonly store: string;
  /** The environment of programs here. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Starts `proxy` for the server. */
  proxy(args?: readonly string[], options?: ProgramOptions): Program;
  /** Runs a command for people to its end. */
  run(args: readonly string[], options?: ProgramOptions): Promise<CommandResult>;
  /** The files of accounts in the store, as they are written. */
  accounts(): Promise<{ readonly path: string; readonly text: string }[]>;
}

/** What a command has left. */
export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts it all. */
export async function startPlace({ authorization: more, ...options }: PlaceOptions = {}): Promise<Place> {
  const server = startProtectedServer(options);
  const authorization = await startAuthorizationServer({ ...more, mcpUrl: server.url });
  server.guard = authorization;
  const browser = startTestBrowser();
  const root = await Deno.makeTempDir();
  const store = `${root}/store`;
  const env = {
    MCP_CONNECT_NO_STORE: undefined,
    MCP_CONNECT_STORE: store,
    BROWSER: browser.command,
    DISPLAY: undefined,
    WAYLAND_DISPLAY: undefined,
  };
  const start = (args: readonly string[], { env: others, ...rest }: ProgramOptions) =>
    startProgram(args, { ...rest, env: { ...env, ...others } });
  return {
    server,
    authorization,
    browser,
    store,
    env,
    proxy: (args = [], programOptions = {}) =>
      start(["proxy", "--endpoint", server.url, ...args], programOptions),
    async run(args, programOptions = {}) {
      await using program = start(args, { protocol: false, ...programOptions });
      await program.closeStdin();
      const { code } = await program.status;
      await program[Symbol.asyncDispose]();
      return { code, stdout: program.stdout(), stderr: program.stderr() };
    },
    async accounts() {
      const found: { path: string; text: string }[] = [];
      for await (const { name } of Deno.readDir(`${store}/accounts`)) {
        if (!name.endsWith(".json")) continue;
        const path = `${store}/accounts/${name}`;
        found.push({ path, text: await Deno.readTextFile(path) });
      }
      return found;
    },
    async [Symbol.asyncDispose]() {
      await browser[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      await authorization[Symbol.asyncDispose]();
      await Deno.remove(root, { recursive: true });
    },
  };
}
