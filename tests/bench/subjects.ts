/** What is measured: one descriptor for each subject. */
import { bundleProgram } from "./bundle.ts";
import { openDirectSession } from "./direct_session.ts";
import { filePath, installRivals, type Rival, RIVALS, ROOT } from "./rivals.ts";
import type { Session } from "./session.ts";
import { openStdioSession, type Program } from "./stdio_session.ts";

/** What a subject is to the comparison. */
export type Role = "ours" | "rival" | "floor";

/** One thing that is measured. */
export interface Subject {
  /** Short and unique: what `--only` takes. */
  readonly key: string;
  /** Its name in tables and charts. */
  readonly label: string;
  readonly role: Role;
  /** Whether it is a process of its own, with a start and memory to measure. */
  readonly spawns: boolean;
  /** Whether it reaches the server; the pipe floor does not. */
  readonly usesServer: boolean;
  /** The only measures that it takes part in; absent for all. */
  readonly measures?: readonly string[];
  /** Whether it ends without an answer. @default false */
  readonly silent?: boolean;
  /** Opens a session towards an MCP endpoint; after `deadlineMs` whatever waits for it fails. */
  open(url: string, deadlineMs: number): Session;
  /** Opens one towards several that are taken for one server; absent for those that can't. */
  readonly openPool?: (urls: readonly string[], deadlineMs: number) => Session;
}

/** How the subjects are made. */
export interface SubjectOptions {
  /** Keys to keep; undefined keeps all. */
  readonly only: ReadonlySet<string> | undefined;
  /** The program under test, a TypeScript or JavaScript file. */
  readonly program: string;
  /** Show what the subjects write to stderr. */
  readonly verbose: boolean;
}

/** Makes the subjects asked for, installing rivals as needed. */
export async function makeSubjects(options: SubjectOptions): Promise<Subject[]> {
  const wanted = (key: string) => options.only === undefined || options.only.has(key);
  const spawning = (
    key: string,
    label: string,
    role: Role,
    program: (url: string) => Program,
    pool?: (urls: readonly string[]) => Program,
  ): Subject => ({
    key,
    label,
    role,
    spawns: true,
    usesServer: role !== "floor",
    open: (url, deadlineMs) => openStdioSession(program(url), deadlineMs, options.verbose),
    ...(pool && {
      openPool: (urls: readonly string[], deadlineMs: number) =>
        openStdioSession(pool(urls), deadlineMs, options.verbose),
    }),
  });
  const deno = (args: string[]): Program => ({ command: Deno.execPath(), args: ["run", "-A", ...args] });
  const subjects: Subject[] = [];
  if (wanted("ours")) {
    const bundle = await bundleProgram(options.program);
    const run = (...args: string[]) => deno([...BARE, bundle, ...args]);
    subjects.push(
      spawning(
        "ours",
        "mcp-connect",
        "ours",
        (url) => run("proxy", "--endpoint", url),
        (urls) => run("load-balance", "--endpoints", urls.join(",")),
      ),
    );
  }
  subjects.push(
    spawning(
      "source",
      "mcp-connect from source",
      "ours",
      (url) => deno([options.program, "proxy", "--endpoint", url]),
      (urls) => deno([options.program, "load-balance", "--endpoints", urls.join(",")]),
    ),
  );
  if (RIVALS.some((rival) => wanted(rival.name))) {
    const start = await installRivals();
    const add = (rival: Rival) =>
      spawning(rival.name, `${rival.name} ${rival.version}`, "rival", (url) => start(rival, url));
    subjects.push(...RIVALS.map(add));
  }
  subjects.push(
    {
      key: "direct",
      label: "direct client",
      role: "floor",
      spawns: false,
      usesServer: true,
      open: openDirectSession,
    },
    spawning(
      "pipe",
      "pipe floor",
      "floor",
      () => deno([beside("pipe_floor.ts")]),
    ),
    {
      ...spawning("empty", "empty program", "floor", () => deno([...BARE, beside("empty_program.ts")])),
      measures: ["start"],
      silent: true,
    },
    {
      ...spawning("least", "least bridge", "floor", (url) => deno([...BARE, beside("least_bridge.ts"), url])),
      measures: ["start", "slow"],
      usesServer: true,
    },
  );
  return subjects.filter((subject) => wanted(subject.key));
}

/** What has no settings to look for is started without them, as the bundle is. */
const BARE = ["--no-config", "--no-lock"];

function beside(file: string): string {
  return filePath(new URL(file, import.meta.url));
}

/** The default program under test. */
export const OUR_PROGRAM = filePath(new URL("src/main.ts", ROOT));
