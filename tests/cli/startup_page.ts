import { loadedWith, type ModuleGraph } from "./module_graph.ts";

/** A stage of the start: the modules that are loaded then, seen from `src`. */
export interface Stage {
  readonly title: string;
  readonly entries: readonly string[];
}

/** What a session with a legacy server at a URL goes through. */
export const STAGES: readonly Stage[] = [
  { title: "The client's first message is sent on, and answered", entries: ["main.ts"] },
  { title: "The program finds the command", entries: ["cli/run_program.ts"] },
  { title: "Its options are read, if there are any", entries: ["cli/parse_options.ts"] },
  { title: "The command is loaded, and reads its settings", entries: ["cli/proxy_command.ts"] },
  { title: "The bridge", entries: ["bridge/run_proxy.ts"] },
  {
    title: "The wire to a URL",
    entries: ["link/http/http_peer.ts"],
  },
  { title: "Once the session stands", entries: ["upstream/clock_jump.ts"] },
];

/** The modules of each stage that no earlier one has loaded. */
export function stageModules(graph: ModuleGraph): string[][] {
  const before = new Set<string>();
  return STAGES.map(({ entries }) => {
    const fresh = entries.flatMap((entry) => loadedWith(graph, `src/${entry}`)).filter((it) =>
      !before.has(it)
    );
    for (const it of fresh) before.add(it);
    return fresh;
  });
}

/** The page `docs/startup.md`, from the modules as they are. */
export function startupPage(graph: ModuleGraph): string {
  const stages = stageModules(graph);
  const total = stages.flat().length;
  const loaded = new Set(stages.flat());
  const parts: string[] = [INTRODUCTION, "", `## What a session loads`, "", SESSION(total), ""];
  for (const [i, { title }] of STAGES.entries()) {
    const names = stages[i]!.map(shown);
    parts.push(`${i + 1}. **${title}**: ${names.length}. ${names.join(", ")}`);
  }
  parts.push("", "## What is loaded when it is needed", "", LATER, "");
  parts.push("| Module | Loaded by | Modules |", "| --- | --- | --- |");
  for (const [name, from] of dynamicEntries(graph)) {
    if (loaded.has(name)) continue;
    const fresh = loadedWith(graph, name).filter((it) => !loaded.has(it));
    parts.push(`| ${shown(name)} | ${from.map(shown).join(", ")} | ${fresh.length} |`);
  }
  return `${parts.join("\n")}\n`;
}

/** Each module that is loaded by a line that runs, and who has that line. */
function dynamicEntries(graph: ModuleGraph): [name: string, from: string[]][] {
  const found = new Map<string, string[]>();
  for (const [from, { dynamics }] of graph) {
    for (const name of dynamics) found.set(name, [...found.get(name) ?? [], from]);
  }
  return [...found].map(([name, from]): [string, string[]] => [name, [...new Set(from)].sort()])
    .sort(([a], [b]) => a < b ? -1 : 1);
}

function shown(name: string): string {
  return `\`${name.replace(/^src\//, "")}\``;
}

const INTRODUCTION = `# Starting

A client waits for its servers before it can do anything, and starts many of them at once. So the program is built to answer
soon: nothing is loaded, read or asked before it is needed, and the first message does not wait for the program at all.

The **target**: from the spawn to the first byte out it takes at most 10 ms more than an empty Deno program that makes one
round trip, and nothing else, to the same server. \`deno task bench --measure start,size\` measures it, bundled and from
source, in turns with that program, with an empty one, and with the rivals; it prints what each takes on the disk too.
[bench.md](bench.md) has the last complete run. On a busy machine all figures grow alike: read the ratio of what we add to
what an empty program takes, not the milliseconds.

**Where it stands**: on two slow, shared cores, in turns with that program alone, the bundle is 5 to 7 ms over it (medians of five
runs of three to five rounds; single rounds from 3 ms under it to 15 ms over it). From source it is 20 to 35 ms over, for the finding of its
files: not loading them until they are called for would take Deno's permission to read them. Between the rivals, whose start leaves
no cache as it was, the bundle took 32 ms in the last complete run, where mcp-remote took 451 and supergateway 720.

## The head start

What a session first does is the same each time: the client says \`initialize\`, the server answers. The program that can do
all else takes some 30 ms to load and to run for the first time. So the entry is a small file that does this one exchange
itself. It loads the program when the client has its answer, or when the client or the server has kept it waiting for 20 ms:
what takes them longer goes on while the program is loaded.

It does so only where the use is so plain that the program can't come to anything else: \`proxy\` with a URL, headers and
\`--no-store\`, and no variable of the program's but \`MCP_CONNECT_STORE\` and \`MCP_CONNECT_NO_STORE=1\`; nothing stored of
the server that matters (no sign-in, and not that it is of the modern era); Deno's permission for the whole environment, and for the server. And it answers
only with a result that names a revision of the legacy era. Everything else is left to the program, the response included: an
error, a demand for credentials, a redirect, a server of the other transport or era.

The program then goes through the same exchange as always: it reads the line that has been read, sends the request that has
been sent, is given the response that has come, and leaves out the answer that has been written. The server is asked once,
and what follows goes over the same connection. Tests compare both ways, request by request, for two dozen kinds of servers.
An option that changes nothing, such as \`--log-level warn\`, is enough to go without.

## What the time goes into

Deno's own start; finding and reading our files; the first use of the HTTP client, whose code Deno itself compiles then, and
the round trip (these three are the empty program with one round trip); then our own functions, which run for the first time
and are compiled then. Deno keeps the compiled top level of a module, and of its functions those that stand in parentheses:
the bundle puts those of the small file there, which takes 2 ms off. The store is asked for the names that are there, and not for
a file that may not be: the error would take four times as long. Any error that is made while a module is on the stack
takes 1.5 ms more, as Deno reads all of the module again for its line: so nothing is done from there.

The bundle (\`deno task bundle\`, which is what is shipped) is four files: the small one; the program as a session with one
legacy server needs it; what spreads requests over several servers; and the rest. Deno finds and reads all of them before it
starts the first, which takes 1.8 ms, most of it for the largest (from source they are some 370, and it takes 20 ms), and what is loaded
takes memory in each session.

What was tried and left: V8's flags for lazy compiling (none helps, compiling all at once takes half as long again), the same
parentheses for the whole program (3 ms later in the session, for more memory), and keeping Deno from looking at files before
they are called for (\`--unstable-lazy-dynamic-imports\`: each then takes the permission to read it).

What keeps it low, and is held by tests: no module of Node's and no package before the first message; no timer (the first one
loads Node's; what has to wait before that does so by \`Atomics.waitAsync\`, which is V8's); no \`console\`; signing in, other eras, several servers, sockets, child processes, help, tests and completions
in files of their own, loaded when called for.`;

const SESSION = (total: number) =>
  `A session of \`mcp-connect proxy URL\` with a legacy client and server loads ${total} modules of the program. A test runs
one and compares. Each is named at the first stage that needs it.`;

const LATER =
  `Each of these is loaded once, by the modules named, when a session or command first needs it. The last column says
how many modules it brings that the session above has not loaded.`;
