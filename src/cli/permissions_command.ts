import { ConfigError } from "../config/config_error.ts";
import { type Environment, processEnvironment } from "../config/environment.ts";
import { type Files, machineFiles } from "../config/files.ts";
import { type OptionValues, optionValues } from "../config/option_values.ts";
import { type CommandName, optionsOf } from "../config/options.ts";
import { resolveStore } from "../config/resolve_settings.ts";
import type { ConnectSettings } from "../config/settings.ts";
import { mcpRemoteFolder } from "../oauth/import/mcp_remote_files.ts";
import { isSealed } from "../oauth/is_sealed.ts";
import { askServers } from "../permissions/ask_servers.ts";
import { findPlaces } from "../permissions/find_places.ts";
import { commaNotes, flagFor, flagsFor } from "../permissions/flags.ts";
import { lookAround } from "../permissions/look_around.ts";
import { maskWords } from "../permissions/mask_words.ts";
import { isOptional, permissionsFor } from "../permissions/permissions_for.ts";
import { quoteWords } from "../permissions/quote_words.ts";
import { renderPermissions } from "../permissions/render_permissions.ts";
import { unusedKinds } from "../permissions/unused_kinds.ts";
import { unknownsOf } from "../permissions/unknowns_of.ts";
import type { NamedFile, Use } from "../permissions/use.ts";
import { neutralise } from "../telemetry/neutralise.ts";
import { PACKAGE, VERSION } from "../version.ts";
import type { CommandInput } from "./application.ts";
import { balancingInput, connectInput, connectLogger, flushLog, platform } from "./connect_input.ts";
import { findingText } from "./error_text.ts";
import { ExitCode } from "./exit_codes.ts";
import { RELEASES, RELEASES_VARIABLE } from "./newest_release.ts";
import { parseOptions } from "./parse_options.ts";
import { type Subject, subjectOf } from "./subject_of.ts";
import { writeError, writeOut } from "./write_text.ts";

/** Where the program is got where it does not know itself. */
const PROGRAM = `jsr:${PACKAGE}@${VERSION}`;

/** `permissions`: prints the `deno run` flags that a command line needs, and runs none of it. */
export async function permissionsCommand(input: CommandInput): Promise<number> {
  const environment = recordingEnvironment();
  const files = recordingFiles();
  const isSet = (name: string) => [environment.look(name)].some((it) => it.kind === "set" && it.value !== "");
  const hasEndpoint = () =>
    ["MCP_CONNECT_ENDPOINT", "MCP_CONNECT_ENDPOINTS", "MCP_CONNECT_ENDPOINTS_FILE"].some(isSet);
  const asked = subjectOf(input.bare, input.vector, hasEndpoint);
  const own = optionValues("permissions", {
    ...(asked.json ? { json: true } : {}),
    ...(asked.offline ? { offline: true } : {}),
  }, processEnvironment());
  const offline = own.switch("offline").value;
  input.process?.giveUp(unusedKinds({ command: "permissions", os: Deno.build.os }));
  // What this command itself needs is what it takes to find out of another.
  const subject = asked.command === "permissions" ? subjectOf(asked.words, input.vector, hasEndpoint) : asked;

  const use = await useOf(asked, subject, input, environment, files, offline);
  const needs = permissionsFor(use);
  const flags = flagsFor(needs);
  const given = maskWords(asked.given);
  const command = ["deno", "run", ...flags, programOf(input), ...given];
  const report = {
    line: quoteWords(command, platform()),
    needs,
    unknowns: unknownsOf(use).map(neutralise),
    notes: [
      ...(Deno.build.standalone
        ? ["This executable has its permissions built in: the flags are for deno run."]
        : []),
      ...(given.some((word, i) => word !== asked.given[i])
        ? ["In the whole line, … stands for each secret that was given."]
        : []),
      ...commaNotes(needs),
    ],
  };
  if (own.switch("json").value) {
    const shown = needs.map((it) => ({ ...it, value: it.value ?? null, flag: flagFor(it) }));
    writeOut(`${JSON.stringify({ flags, command, ...report, needs: shown })}\n`);
  } else {
    // What can be used as it is stands on stdout alone.
    writeOut(`${quoteWords(flags, platform())}\n`);
    writeError(renderPermissions(report));
  }
  return ExitCode.Ok;
}

async function useOf(
  asked: Subject,
  subject: Subject,
  { vector }: CommandInput,
  environment: RecordingEnvironment,
  files: RecordingFiles,
  offline: boolean,
): Promise<Use> {
  const { command } = subject;
  if (command === "help" || command === "permissions") {
    return { command: "help", facts: { ...lookAround(), ...NOBODY, variables: [], files: [] } };
  }
  const { options, bare, finding } = parseOptions(optionsOf(command), subject.words);
  if (finding !== undefined) throw new ConfigError(findingText(finding, command, subject.words));
  const values = optionValues(command, options, environment.look);
  const settings = await settingsOf(command, { options, bare, vector }, environment.look, files);
  const store = settings?.store ??
    (command === "status" ? resolveStore(values, environment.look) : undefined);
  const importFolder = command === "login" && values.text("import") !== undefined
    ? mcpRemoteFolder((name) => {
      const state = environment.look(name);
      return state.kind === "set" ? state.value : undefined;
    })
    : undefined;
  readRest(command, values);
  const releases = command === "version" && values.switch("check").value
    ? releasesAt(environment.look)
    : undefined;
  const around = await askAround(settings, files, offline);
  return {
    command: asked.command === "permissions" ? "permissions" : command,
    ...(settings === undefined ? {} : { settings }),
    ...(store === undefined ? {} : { store }),
    ...(importFolder === undefined ? {} : { importFolder }),
    ...(releases === undefined ? {} : { releases }),
    offline: subject.offline || asked.offline,
    facts: {
      ...lookAround(),
      ...around,
      variables: [...environment.found],
      files: files.found,
    },
  };
}

async function settingsOf(
  command: CommandName,
  input: CommandInput,
  environment: Environment,
  files: Files,
): Promise<ConnectSettings | undefined> {
  const sources = { environment, files };
  switch (command) {
    case "proxy":
    case "load-balance":
    case "auth-proxy":
      return await balancingInput(command, input, sources);
    case "test":
    case "login":
    case "logout":
      return connectInput(command, input, sources).settings;
    default:
      return undefined;
  }
}

/** Looks the variables of all options up, as those of a few are by the command itself. */
function readRest(command: CommandName, values: OptionValues): void {
  for (const { name, kind } of optionsOf(command)) {
    if (kind === "switch") values.switch(name);
    else if (kind === "list") values.list(name);
    else values.text(name);
  }
}

/** Where a command leads that connects to nothing. */
const NOBODY = { places: [], lookups: [], notFound: [], signIns: [], sealed: false };

/** Where `version --check` looks; what it makes of no address is its own. */
function releasesAt(environment: Environment): URL | undefined {
  const place = environment(RELEASES_VARIABLE);
  return URL.parse(place.kind === "set" && place.value !== "" ? place.value : RELEASES) ?? undefined;
}

async function askAround(settings: ConnectSettings | undefined, files: Files, offline: boolean) {
  if (settings === undefined) return NOBODY;
  const { file: _, ...log } = settings.log;
  const logger = await connectLogger({ ...settings, log });
  const signal = AbortSignal.timeout(settings.timeoutMs);
  const found = await findPlaces({ settings, files, platform: platform(), offline, signal });
  const { signIn, store } = settings;
  const stored = signIn === undefined || store === undefined
    ? []
    : await Promise.all(found.places.map(({ endpoint }) =>
      endpoint.kind === "http" && isSealed(store, endpoint.url, signIn.oauth)
    ));
  const signIns = await askServers({ settings, places: found.places, offline, logger, signal });
  await flushLog(logger);
  return { ...found, signIns, sealed: stored.includes(true) };
}

interface RecordingEnvironment {
  readonly look: Environment;
  /** The variables that were looked up and count. */
  readonly found: Set<string>;
}

/** The process's environment, which remembers what was asked for. */
function recordingEnvironment(): RecordingEnvironment {
  const environment = processEnvironment();
  const found = new Set<string>();
  return {
    found,
    look(name) {
      const state = environment(name);
      // An empty one counts as not set, but where a header is made of it.
      if (state.kind === "set" && (state.value !== "" || !isOptional(name))) found.add(name);
      return state;
    },
  };
}

/** The machine's files, which remember what was read. */
type RecordingFiles = Files & { readonly found: NamedFile[] };

function recordingFiles(): RecordingFiles {
  const files = machineFiles();
  const found: NamedFile[] = [];
  return {
    ...files,
    found,
    readText(path, where) {
      const text = files.readText(path, where);
      if (found.every((it) => it.path !== path)) found.push({ path, where });
      return text;
    },
  };
}

/** How `deno run` finds the program that this is. */
function programOf({ process }: CommandInput): string {
  const main = process?.main ?? "";
  if (!main.startsWith("file:") || Deno.build.standalone) return PROGRAM;
  const path = decodeURIComponent(new URL(main).pathname);
  return Deno.build.os === "windows" ? path.slice(1).replaceAll("/", "\\") : path;
}
