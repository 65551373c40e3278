import assert from "node:assert/strict";
import { programEnvironment } from "../support/program.ts";

/** Whether there is util-linux's `script`, which gives a command a pseudo-terminal: Deno only prompts on one. */
export const hasScript = Deno.build.os === "linux" &&
  await new Deno.Command("script", { args: ["--version"], stdout: "null", stderr: "null" }).output()
    .then(({ success }) => success, () => false);

/** Runs a command on a terminal, writes the lines, and ends the input once `seen` has been shown; gives what was. */
export async function onTerminal(
  words: readonly string[],
  lines: readonly string[],
  seen: RegExp,
  env: Readonly<Record<string, string | undefined>> = {},
): Promise<string> {
  const command = words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
  const child = new Deno.Command("script", {
    args: ["-qefc", command, "/dev/null"],
    clearEnv: true,
    env: programEnvironment({ NO_COLOR: "1", ...env }),
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const stdin = child.stdin.getWriter();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  await stdin.write(new TextEncoder().encode(lines.map((line) => `${line}\n`).join("")));
  let killed = false;
  const timer = setTimeout(() => {
    killed = true;
    child.kill("SIGKILL");
  }, 20_000);
  let ending = false;
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    text += value;
    if (ending) continue;
    ending = seen.test(text) || PROMPT.test(text);
    if (PROMPT.test(text)) child.kill("SIGKILL");
    // Ctrl-D at the start of a line ends a terminal's input.
    else if (ending) await stdin.write(new Uint8Array([4])).catch(() => {});
  }
  clearTimeout(timer);
  await stdin.close().catch(() => {});
  await child.status;
  assert.ok(!killed, `the program did not end by itself; shown: ${text}`);
  return text;
}

/** What Deno shows when it prompts. */
export const PROMPT = /Allow\?|requests? .* access|permission request|\[y\/n/i;
