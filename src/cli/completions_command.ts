import { ConfigError } from "../config/config_error.ts";
import { unusedKinds } from "../permissions/unused_kinds.ts";
import type { CommandInput } from "./application.ts";
import { type CompletionCommand, completionModel } from "./completions/completion_model.ts";
import { SHELLS } from "./completions/shells.ts";
import { ExitCode } from "./exit_codes.ts";
import { writeOut } from "./write_text.ts";

type Shell = typeof SHELLS[number];

const SCRIPTS: Readonly<Record<Shell, () => Promise<(model: readonly CompletionCommand[]) => string>>> = {
  bash: async () => (await import("./completions/bash.ts")).bashCompletions,
  zsh: async () => (await import("./completions/zsh.ts")).zshCompletions,
  fish: async () => (await import("./completions/fish.ts")).fishCompletions,
  powershell: async () => (await import("./completions/powershell.ts")).powershellCompletions,
};

/** `completions`: prints the script that lets a shell complete our command lines. */
export async function completionsCommand({ bare, vector, process }: CommandInput): Promise<number> {
  const shell = SHELLS.find((name) => name === bare[0]);
  if (shell === undefined || bare.length > 1 || vector !== undefined) {
    throw new ConfigError(
      `completions takes the name of a shell: ${SHELLS.slice(0, -1).join(", ")} or ${SHELLS.at(-1)}`,
    );
  }
  process?.giveUp(unusedKinds({ command: "completions", os: Deno.build.os }));
  writeOut((await SCRIPTS[shell]())(completionModel()));
  return ExitCode.Ok;
}
