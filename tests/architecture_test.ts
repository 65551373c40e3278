/**
 * Holds the arrows between the rooms of `src` in place. Each room lists those it may import from, itself aside; what is
 * not listed is not allowed.
 */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";

const ROOMS: Readonly<Record<string, readonly string[]>> = {
  "jsonrpc": [],
  "telemetry": [],
  "store": [],
  "version.ts": [],
  "mcp": ["jsonrpc"],
  "link": ["mcp", "jsonrpc", "telemetry", "version.ts"],
  "oauth": ["link", "mcp", "jsonrpc", "telemetry", "store", "version.ts"],
  "config": ["link", "store", "telemetry", "version.ts", "oauth/settings.ts"],
  "start": [
    "link",
    "mcp",
    "jsonrpc",
    "store",
    "version.ts",
    "config/environment.ts",
    "config/headers.ts",
    "oauth/account_key.ts",
    "oauth/settings.ts",
    "upstream/verdict_key.ts",
  ],
  "face": ["link", "mcp", "jsonrpc", "telemetry"],
  "upstream": [
    "oauth",
    "link",
    "mcp",
    "jsonrpc",
    "store",
    "telemetry",
    "version.ts",
    "config/settings.ts",
    "config/balance_settings.ts",
  ],
  "balance": [
    "upstream",
    "link",
    "mcp",
    "jsonrpc",
    "telemetry",
    "version.ts",
    "config/settings.ts",
    "config/balance_settings.ts",
  ],
  "bridge": [
    "start/head_start.ts",
    "start/catch_signals.ts",
    "balance",
    "upstream",
    "face",
    "link",
    "mcp",
    "jsonrpc",
    "telemetry",
    "version.ts",
    "config/settings.ts",
    "config/balance_settings.ts",
  ],
  "diagnose": ["link", "mcp", "jsonrpc", "telemetry", "version.ts", "config/settings.ts"],
  "permissions": [
    "config",
    "oauth",
    "balance/sources/look_up.ts",
    "balance/sources/resolver.ts",
    "link",
    "mcp",
    "jsonrpc",
    "telemetry",
    "version.ts",
  ],
  "cli": [
    "start/head_start.ts",
    "permissions",
    "config",
    "oauth",
    "diagnose",
    "bridge",
    "face",
    "link",
    "mcp",
    "jsonrpc",
    "telemetry",
    "version.ts",
  ],
  "main.ts": ["start", "cli"],
  "mod.ts": [
    "main.ts",
    "permissions",
    "bridge",
    "balance",
    "upstream",
    "face",
    "link",
    "mcp",
    "jsonrpc",
    "telemetry",
    "config",
    "oauth",
    "diagnose",
    "version.ts",
  ],
};

/** Rooms of which another may have no more than the types. */
const TYPES_ONLY: Readonly<Record<string, readonly string[]>> = {
  "upstream": ["config/settings.ts", "config/balance_settings.ts"],
  "balance": ["config/settings.ts", "config/balance_settings.ts"],
  "bridge": ["start/head_start.ts", "config/settings.ts", "config/balance_settings.ts"],
  "cli": ["start/head_start.ts"],
  "diagnose": ["config/settings.ts"],
};

/** An import of a file in `src`. */
interface Import {
  /** The file that imports, seen from `src`. */
  readonly from: string;
  /** The file that is imported, seen from `src`; a bare specifier as it is. */
  readonly to: string;
  readonly line: number;
  /** It is loaded only when that line runs. */
  readonly dynamic: boolean;
  /** It is gone when the program runs. */
  readonly typeOnly: boolean;
}

const SRC = new URL("../src/", import.meta.url);

/** Blanks comments out, and nothing in strings; the places of all else stay. */
function withoutComments(source: string): string {
  return source.replace(
    /"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`|\/\/[^\n]*|\/\*[^]*?\*\//g,
    (text) => text.startsWith("//") || text.startsWith("/*") ? text.replace(/[^\n]/g, " ") : text,
  );
}

const STATIC =
  /^[ \t]*(?:import|export)\b([^;"'`=()]*?)\bfrom\s*["']([^"']+)["']|^[ \t]*import\s*["']([^"']+)["']/gm;
const DYNAMIC = /\bimport\s*\(\s*["'`]([^"'`]*)["'`]/g;

/** Finds the imports of a source text. */
function importsOf(from: string, source: string): Import[] {
  const code = withoutComments(source);
  const found = (specifier: string, at: number, dynamic: boolean, typeOnly: boolean): Import => ({
    from,
    to: /^\.\.?\//.test(specifier)
      ? new URL(specifier, new URL(from, "file:///")).pathname.slice(1)
      : specifier,
    line: code.slice(0, at).split("\n").length,
    dynamic,
    typeOnly,
  });
  const statics = [...code.matchAll(STATIC)].map((match) => {
    const [, clause = "", named, bare] = match;
    const names = /^\s*\{([^}]*)\}\s*$/.exec(clause)?.[1]?.split(",").map((it) => it.trim()).filter((it) =>
      it !== ""
    );
    const typeOnly = /^\s*type\b/.test(clause) || (names?.every((name) => name.startsWith("type ")) ?? false);
    return found((named ?? bare)!, match.index, false, typeOnly);
  });
  const dynamics = [...code.matchAll(DYNAMIC)].map((match) => found(match[1]!, match.index, true, false));
  return [...statics, ...dynamics];
}

async function files(folder: URL = SRC, prefix = ""): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) found.push(...await files(new URL(`${name}/`, folder), `${prefix}${name}/`));
    else if (name.endsWith(".ts")) found.push(`${prefix}${name}`);
  }
  return found.sort();
}

const sources = new Map<string, string>();
for (const file of await files()) sources.set(file, await Deno.readTextFile(new URL(file, SRC)));
const imports = [...sources].flatMap(([file, source]) => importsOf(file, source));

const roomOf = (file: string) => file.split("/")[0]!;
const shown = ({ from, line, to }: Import) => `src/${from}:${line} imports ${to}`;
const isBare = ({ to }: Import) => !to.endsWith(".ts") || to.includes(":");

/** Fails with one line for each finding. */
function none(findings: readonly string[], rule: string): void {
  strictEqual(findings.length, 0, `${rule}:\n  ${findings.join("\n  ")}`);
}

Deno.test("every room of src has its place among the others", () => {
  const rooms = new Set([...sources.keys()].map(roomOf));
  none(
    [...rooms].filter((room) => !(room in ROOMS)).map((room) => `src/${room}`),
    "these are in no list of rooms",
  );
  ok(imports.length > 100, `only ${imports.length} imports were found`);
});

Deno.test("imports in src point one way", () => {
  const wrong = imports.filter((it) => {
    if (isBare(it)) return false;
    const [from, to] = [roomOf(it.from), roomOf(it.to)];
    return from !== to && !ROOMS[from]?.some((allowed) => allowed === to || allowed === it.to);
  });
  none(
    wrong.map((it) =>
      `${shown(it)}; ${roomOf(it.from)} may have ${ROOMS[roomOf(it.from)]?.join(", ") || "nothing"}`
    ),
    "against the arrows",
  );
});

Deno.test("the order of the rooms has no circle", () => {
  const open = new Set<string>();
  const visit = (room: string): void => {
    ok(!open.has(room), `a circle through ${room}: ${[...open].join(" → ")}`);
    open.add(room);
    for (const next of ROOMS[room] ?? []) if (next in ROOMS) visit(next);
    open.delete(room);
  };
  Object.keys(ROOMS).forEach(visit);
});

Deno.test("bridge and diagnose know the settings by their types alone", () => {
  const wrong = imports.filter((it) => !it.typeOnly && TYPES_ONLY[roomOf(it.from)]?.includes(it.to));
  none(wrong.map(shown), "these need `import type`");
});

Deno.test("bridge knows faces by their types, but for the file that puts the program together", () => {
  const wrong = imports.filter((it) =>
    roomOf(it.from) === "bridge" && it.from !== "bridge/run_proxy.ts" && roomOf(it.to) === "face" &&
    !it.typeOnly
  );
  none(wrong.map(shown), "these need `import type`");
});

Deno.test("no file of src gathers others for export but src/mod.ts", () => {
  const gather = imports.filter(({ from, line }) =>
    from !== "mod.ts" && /^\s*export\s*\*/.test(sources.get(from)!.split("\n")[line - 1]!)
  );
  none(gather.map(shown), "`export *`");
  const names = [...sources.keys()].filter((file) =>
    /(?:^|\/)(?:mod|index)\.ts$/.test(file) && file !== "mod.ts"
  );
  none(names.map((file) => `src/${file}`), "these are named like barrels");
  const exporting = [...sources.keys()].filter((file) => {
    if (file === "mod.ts") return false;
    const code = withoutComments(sources.get(file)!);
    const passedOn = code.match(/^export\b[^;"'`=()]*?\bfrom\s*["']/gm)?.length ?? 0;
    const own = code.match(
      /^(?:export\s+(?:default|async|abstract|function|class|const|let|interface|type\s+\w+\s*[=<]|enum)|function|const|class)\b/gm,
    );
    return passedOn > 0 && own === null;
  });
  none(exporting.map((file) => `src/${file}`), "these export nothing of their own");
});

Deno.test("src writes nothing with console", () => {
  const found: string[] = [];
  for (const [file, source] of sources) {
    withoutComments(source).split("\n").forEach((line, i) => {
      if (/\bconsole\s*[.[]/.test(line)) found.push(`src/${file}:${i + 1} ${line.trim()}`);
    });
  }
  none(found, "console costs 7 ms at start, and its log goes to stdout");
});

/** The ways by static imports from a file to all it loads. */
function loads(start: string): Map<string, readonly string[]> {
  const ways = new Map<string, readonly string[]>([[start, [start]]]);
  for (const [file, way] of ways) {
    for (const { from, to, dynamic, typeOnly } of imports) {
      if (from === file && !dynamic && !typeOnly && !ways.has(to)) ways.set(to, [...way, to]);
    }
  }
  return ways;
}

for (const start of ["bridge/run_proxy.ts", "link/http/http_peer.ts"]) {
  Deno.test(`src/${start} loads no module of Node's and no SDK at the start`, () => {
    const ways = loads(start);
    ok(ways.size > 10, `only ${ways.size} files`);
    const heavy = [...ways].filter(([to]) => /^(?:node:|npm:|jsr:|@|[a-z])/.test(to) && !to.endsWith(".ts"));
    none(heavy.map(([, way]) => way.join(" → ")), "each costs milliseconds before the first message");
  });
}

for (const start of ["cli/proxy_command.ts", "bridge/run_proxy.ts", "upstream/open_upstream.ts"]) {
  Deno.test(`src/${start} loads nothing of signing in but what is plain data`, () => {
    const plain = ["oauth/settings.ts", "oauth/account_key.ts"];
    const wrong = [...loads(start)].filter(([to]) => roomOf(to) === "oauth" && !plain.includes(to));
    none(wrong.map(([, way]) => way.join(" → ")), "most servers want no sign-in");
  });
}

for (const start of ["cli/proxy_command.ts", "link/open_peer.ts", "link/http/http_peer.ts"]) {
  Deno.test(`src/${start} loads nothing of several upstreams and their addresses`, () => {
    const late = [
      "config/resolve_balance.ts",
      "link/parse_upstream.ts",
      "link/parse_upstream_file.ts",
      "link/http/address_tunnel.ts",
    ];
    const wrong = [...loads(start)].filter(([to]) => roomOf(to) === "balance" || late.includes(to));
    none(wrong.map(([, way]) => way.join(" → ")), "most have one server only");
  });
}

Deno.test("jsonrpc, mcp, link, face and bridge import nothing from outside at all, unless it is loaded when used", () => {
  const lean = ["jsonrpc", "mcp", "link", "face", "bridge", "telemetry"];
  const wrong = imports.filter((it) =>
    isBare(it) && !it.dynamic && !it.typeOnly && lean.includes(roomOf(it.from))
  );
  none(wrong.map(shown), "dependencies belong where they are used, and are loaded then");
});

Deno.test("src loads modules of Node's only when they are used", () => {
  const wrong = imports.filter((it) => it.to.startsWith("node:") && !it.dynamic && !it.typeOnly);
  none(wrong.map(shown), "bundled, it would be loaded at every start");
});

Deno.test("every file that src imports is there", () => {
  const missing = imports.filter((it) => !isBare(it) && !sources.has(it.to));
  none(missing.map(shown), "no such file");
});

Deno.test("importsOf finds imports of every form, and none in comments and strings", () => {
  const source = [
    'import { a } from "./a.ts";',
    'import type { B } from "../b/b.ts";',
    'import { type C, type D } from "./c.ts";',
    'import { type E, f } from "./e.ts";',
    "import {",
    "  g,",
    '} from "./g.ts";',
    'export * from "./h.ts";',
    'export { i } from "./i.ts";',
    'import "./j.ts";',
    'import k from "npm:k@1";',
    'import * as l from "node:l";',
    'const { m } = await import("./m.ts");',
    'type N = import("./n.ts").N;',
    '// import { x } from "./x.ts";',
    '/** import { x } from "./x.ts"; */',
    'const o = "https://example.com/*"; /* from "./x.ts" */',
    'export const p = Array.from("./x.ts");',
  ].join("\n");
  deepStrictEqual(
    importsOf("room/file.ts", source).map(({ to, dynamic, typeOnly }) =>
      `${to}${dynamic ? " dynamic" : ""}${typeOnly ? " type" : ""}`
    ),
    [
      "room/a.ts",
      "b/b.ts type",
      "room/c.ts type",
      "room/e.ts",
      "room/g.ts",
      "room/h.ts",
      "room/i.ts",
      "room/j.ts",
      "npm:k@1",
      "node:l",
      "room/m.ts dynamic",
      "room/n.ts dynamic",
    ],
  );
  strictEqual(importsOf("a.ts", source)[4]?.line, 5);
});
