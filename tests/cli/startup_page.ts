import { loadedWith, type ModuleGraph } from "./module_graph.ts";

/** A stage of the start: the modules that are loaded then, seen from `src`. */
export interface Stage {
  readonly title: string;
  readonly entries: readonly string[];
}

/** What a session with a legacy server at a URL goes through. */
export const STAGES: readonly Stage[] = [
  { title: "The process starts, and finds the command", entries: ["main.ts"] },
  { title: "Its options are read, if there are any", entries: ["cli/parse_options.ts"] },
  { title: "The command is loaded, and reads its settings", entries: ["cli/proxy_command.ts"] },
  { title: "The bridge", entries: ["bridge/run_proxy.ts"] },
  {
    title: "The client's first message is on its way: the wire to a URL",
    entries: ["link/http/http_peer.ts"],
  },
  { title: "Behind the answer to it", entries: ["upstream/clock_jump.ts"] },
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

A client waits for its servers before it can do anything, and starts many of them at once. So the program is built
to answer soon: nothing is loaded, read or asked before the client's first message needs it.

The **target**: from the spawn to the first byte out it takes at most 10 ms more than an empty Deno program that makes one
round trip, and nothing else, to the same server. \`deno task bench --measure start,size\` measures it, bundled and from
source, in turns with that program, with an empty one, and with the rivals; it prints what each takes on the disk too.
[bench.md](bench.md) has the last complete run. On a busy machine all figures grow alike: read the ratio of what we add to
what an empty program takes, not the milliseconds.

What the time goes into, in this order: Deno's own start; reading and compiling our code, of which Deno keeps the
compiled top level but not the functions; the first use of the HTTP client, whose code Deno itself compiles then; the round
trip. From source each module costs a lookup and a read of its own: the bundle (\`deno task bundle\`, which is what is
shipped) is one file, with another beside it for what few sessions need.

**Where it stands**: the target is not met. In the last complete run, on two slow cores, an empty program took 21 ms, the one
with a round trip 32, the bundle 68, the source 106, mcp-remote 601 and supergateway 922: the bundle is 35 ms, or 1.6 empty
programs, above the second, and at a ninth of the better rival. What we add is
spread thinly: about a fifth is loading the file, the rest some five hundred functions that run for the first time, none of
which stands out. Leaving out any one piece (the signals, the store, the redaction, the kind of a request's body) changes
nothing that can be measured. What was tried and kept: an own parser of options in place of a package, no rules for free
text on plain URLs (together about a tenth of the processor time up to the answer), and one file for the parts in place of
eighty (4 ms: Deno finds and reads each before it starts the program). What was tried and left: V8's flags for lazy compiling (none helps, compiling all at once
takes half as long again), having the functions that every start calls compiled into Deno's cache (a further 7 %, for a
bundler of our own and more memory), and keeping Deno from looking at the parts before they are called for
(\`--unstable-lazy-dynamic-imports\`: 7 % too, but each part then takes the permission to read its file).

What keeps it low, and is held by tests: no module of Node's and no package before the first message; no timer (the first one loads Node's); no \`console\`; signing in, other eras, several servers, sockets, child
processes, help, tests and completions in files of their own, loaded when called for.`;

const SESSION = (total: number) =>
  `A session of \`mcp-connect proxy URL\` with a legacy client and server loads ${total} modules of the program. A test runs
one and compares. Each is named at the first stage that needs it.`;

const LATER =
  `Each of these is loaded once, by the modules named, when a session or command first needs it. The last column says
how many modules it brings that the session above has not loaded.`;
