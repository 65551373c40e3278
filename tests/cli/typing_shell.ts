/** A shell on a terminal that a test types into, as a person would: tabs complete, line breaks run what stands there. */

/** What a command line became when it was run: the arguments of `mcp-connect`. */
export interface TypedLine {
  readonly typed: string;
  readonly args: readonly string[];
}

/** Shells that can be typed into here. */
export type TypedShell = "bash" | "zsh";

const START = "<<<";
const END = ">>>";
/** Stands for the program: shows its arguments in a form that a line editor's repainting can't be mistaken for. */
const PROGRAM = `mcp-connect() {
  local it
  printf '%s' '<<''<'
  for it in "$@"; do printf '%s' "$it" | od -An -v -tx1 | tr -d ' \\n'; printf ,; done
  printf '%s\\n' '>>''>'
}
`;

/** Whether the parts are there that {@linkcode typeInto} needs for a shell. */
export function canType(shell: TypedShell): boolean {
  return runs("script", "--version", /util-linux/) && runs(shell, "--version", /./);
}

/** Whether a command can be run and says something that matches. */
export function runs(command: string, argument: string, says: RegExp): boolean {
  try {
    const { stdout } = new Deno.Command(command, { args: [argument], stdin: "null", stderr: "null" })
      .outputSync();
    return says.test(new TextDecoder().decode(stdout));
  } catch {
    return false;
  }
}

/** Types lines into a shell that knows the completions, each once the one before has run. */
export async function typeInto(
  shell: TypedShell,
  completions: string,
  lines: readonly string[],
  directory: string,
): Promise<TypedLine[]> {
  const home = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${home}/completions`, completions);
    await Deno.writeTextFile(`${home}/.${shell}rc`, setup(shell, home, directory));
    const command = shell === "bash" ? `bash --noprofile --rcfile ${home}/.bashrc -i` : "zsh -d -i";
    const child = new Deno.Command("script", {
      args: ["-qefc", command, "/dev/null"],
      cwd: directory,
      env: { TERM: "xterm", HOME: home, ZDOTDIR: home, LC_ALL: "C.UTF-8", HISTFILE: "" },
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const timer = setTimeout(() => child.kill("SIGKILL"), 60_000);
    const stdin = child.stdin.getWriter();
    const screen = reader(child.stdout);
    const done: TypedLine[] = [];
    try {
      await screen.until(/READY/);
      for (const typed of lines) {
        await stdin.write(new TextEncoder().encode(`${typed}\n`));
        const [, hex = ""] = await screen.until(new RegExp(`${START}([0-9a-f,]*)${END}`));
        done.push({ typed, args: hex.split(",").slice(0, -1).map(unhex) });
      }
    } finally {
      // Interrupts what stands on the line, and ends the shell.
      await stdin.write(new TextEncoder().encode("\x03exit\n")).catch(() => {});
      await stdin.close().catch(() => {});
      await screen.done;
      await child.status;
      clearTimeout(timer);
    }
    return done;
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

function setup(shell: TypedShell, home: string, directory: string): string {
  const zsh = shell === "zsh"
    ? "autoload -Uz compinit && compinit -u -D\nunsetopt beep\n"
    : "bind 'set bell-style none'\n";
  return `${PROGRAM}${zsh}cd ${directory}\nPS1='$ '\nsource ${home}/completions\nprintf 'REA''DY\\n'\n`;
}

function unhex(text: string): string {
  const bytes = (text.match(/../g) ?? []).map((byte) => parseInt(byte, 16));
  return new TextDecoder().decode(new Uint8Array(bytes));
}

/** Reads to the end, and hands out matches of the text that was not handed out yet. */
function reader(stream: ReadableStream<Uint8Array>) {
  let text = "";
  let ended = false;
  let wake = () => {};
  const done = (async () => {
    for await (
      const chunk of stream.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>)
    ) {
      text += chunk;
      wake();
    }
    ended = true;
    wake();
  })();
  return {
    done,
    async until(pattern: RegExp): Promise<RegExpExecArray> {
      for (;;) {
        const match = pattern.exec(text);
        if (match !== null) {
          text = text.slice(match.index + match[0].length);
          return match;
        }
        if (ended) throw new Error(`${pattern} did not come; the screen showed: ${text}`);
        const { promise, resolve } = Promise.withResolvers<void>();
        wake = resolve;
        await promise;
      }
    },
  };
}
