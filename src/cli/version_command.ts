import { ConfigError } from "../config/config_error.ts";
import { processEnvironment } from "../config/environment.ts";
import { optionValues } from "../config/option_values.ts";
import { resolveLog } from "../config/resolve_settings.ts";
import { unusedKinds } from "../permissions/unused_kinds.ts";
import { neutralise } from "../telemetry/neutralise.ts";
import { VERSION } from "../version.ts";
import type { CommandInput } from "./application.ts";
import { ExitCode } from "./exit_codes.ts";
import { askForNewest, type NewestRelease, RELEASES, RELEASES_VARIABLE } from "./newest_release.ts";
import { problemExitCode } from "./problem_exit_code.ts";
import { oneLine, writeError, writeOut } from "./write_text.ts";

/** How long asking for the newest release may take, in milliseconds. */
const BOUND_MS = 5000;

/**
 * `version`: prints the version, and with `--check` whether there is a newer one. That a newer one is there is no failure;
 * that it can't be told has the exit code of its reason.
 */
export async function versionCommand(input: CommandInput): Promise<number> {
  if (input.bare.length > 0 || input.vector !== undefined) {
    throw new ConfigError("version takes no arguments, only options");
  }
  const environment = processEnvironment();
  const values = optionValues("version", input.options, environment);
  resolveLog(values);
  const json = values.switch("json").value;
  const place = environment(RELEASES_VARIABLE);
  const check = values.switch("check").value;
  input.process?.giveUp(unusedKinds({ command: "version", asks: check, os: Deno.build.os }));
  const newest = check
    ? await askForNewest(place.kind === "set" && place.value !== "" ? place.value : RELEASES, BOUND_MS)
    : undefined;
  writeOut(json ? `${JSON.stringify(versionFacts(newest))}\n` : `${neutralise(versionText(newest))}\n`);
  if (newest?.kind !== "unknown") return ExitCode.Ok;
  const { message, hint } = newest.failure;
  const why = hint === "" ? message : `${message} (${hint})`;
  if (!json) {
    writeError(`mcp-connect: whether there is a newer release can't be told: ${neutralise(oneLine(why))}\n`);
  }
  return problemExitCode(newest.failure.code);
}

/** What is printed for people. */
function versionText(newest: NewestRelease | undefined): string {
  const name = `mcp-connect ${VERSION}`;
  if (newest === undefined || newest.kind === "unknown") return name;
  if (newest.kind === "newer") return `${name}; there is a newer release: ${newest.latest}`;
  return newest.latest === VERSION
    ? `${name}, which is the newest release`
    : `${name}, which comes after the newest release, ${newest.latest}`;
}

/** What is printed for programs; without `--check` it says nothing of releases. */
function versionFacts(newest: NewestRelease | undefined): Record<string, unknown> {
  const facts = { version: VERSION, deno: Deno.version.deno, target: Deno.build.target };
  if (newest === undefined) return facts;
  return newest.kind === "unknown"
    ? { ...facts, latest: null, newer: null, problem: newest.failure.message }
    : { ...facts, latest: newest.latest, newer: newest.kind === "newer", problem: null };
}
