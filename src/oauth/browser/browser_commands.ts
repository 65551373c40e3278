import { splitWords } from "./split_words.ts";

/** What decides how a browser is opened here. */
export interface Surroundings {
  /** The system, as `Deno.build.os` names it. */
  readonly os: typeof Deno.build.os;
  /** An environment variable, where it is set and may be read. */
  readonly env: (name: string) => string | undefined;
  /** Whether there is a file at a path, as far as that may be known. */
  readonly isFile: (path: string) => boolean;
}

/** A program and its arguments; no shell ever reads them. */
export interface BrowserCommand {
  readonly command: string;
  readonly args: readonly string[];
}

/** How a browser is opened. */
export interface BrowserChoice {
  /** What to try, best first; none where there is no hope. */
  readonly commands: readonly BrowserCommand[];
  /** Why something was left out, as parts of a sentence. */
  readonly notes: readonly string[];
}

// The openers of desktops, best first. None that would start a text browser: there is no terminal to give it.
const DESKTOP = [["xdg-open"], ["gio", "open"], ["kde-open"], ["x-www-browser"]] as const;

// These read an argument as a program, so that a URL in it could become one.
const SHELLS = new Set(
  "sh ash bash csh dash fish ksh mksh nu tcsh zsh busybox cmd command powershell pwsh cscript wscript mshta"
    .split(" "),
);

/**
 * Decides which programs to try to open a URL with.
 *
 * 1. Those of `$BROWSER`, with a display or without: commands separated by `:` (`;` on Windows), split into words
 *    without a shell, in which `%s` stands for the URL, `%c` for a colon and `%%` for a percent sign; without `%s`
 *    the URL comes last. A value that names a file is that file, spaces and all. `none` means none at all.
 * 2. The system's own: `open` on macOS and `rundll32` on Windows, unless the session is a remote one;
 *    Windows' own from inside WSL; elsewhere the desktop's, if there is a display.
 *
 * A shell is never among them, nor what Windows runs by one.
 *
 * @param url what {@linkcode openableUrl} returned
 */
export function browserCommands(url: string, surroundings: Surroundings): BrowserChoice {
  const { env } = surroundings;
  const value = env("BROWSER")?.trim() ?? "";
  if (value === "none") return { commands: [], notes: ["BROWSER says none"] };
  const chosen = ofVariable(value, url, surroundings);
  const system = ofSystem(url, surroundings);
  return {
    commands: [...chosen.commands, ...system.commands],
    notes: [...chosen.notes, ...system.notes],
  };
}

function ofVariable(value: string, url: string, surroundings: Surroundings): BrowserChoice {
  const windows = surroundings.os === "windows";
  const entries = surroundings.isFile(value) ? [value] : value.split(windows ? ";" : ":");
  const commands: BrowserCommand[] = [];
  const notes: string[] = [];
  for (const entry of entries.map((it) => it.trim())) {
    if (entry === "") continue;
    const words = surroundings.isFile(entry) ? [entry] : splitWords(entry, windows ? "windows" : "posix");
    if (words === undefined) {
      notes.push("BROWSER has a quote that is not closed");
      continue;
    }
    const name = words[0]!.split(windows ? /[\\/]/ : "/").at(-1)!.toLowerCase();
    if (SHELLS.has(name.replace(/\.exe$/, "")) || /\.(?:bat|cmd|ps1|vbs|js)$/.test(name)) {
      notes.push(`BROWSER names ${JSON.stringify(name.slice(0, 40))}, and a shell is not given foreign text`);
      continue;
    }
    // Of a name without its extension Windows might find a batch file, which cmd.exe runs.
    const command = windows && !/\.[^.]*$/.test(name) ? `${words[0]}.exe` : words[0]!;
    commands.push({ command, args: withUrl(words.slice(1), url) });
  }
  return { commands, notes };
}

function withUrl(words: readonly string[], url: string): string[] {
  let used = false;
  const args = words.map((word) =>
    word.replace(/%([sc%])/g, (_all, letter: string) => {
      if (letter !== "s") return letter === "c" ? ":" : "%";
      used = true;
      return url;
    })
  );
  return used ? args : [...args, url];
}

function ofSystem(url: string, { os, env, isFile }: Surroundings): BrowserChoice {
  const has = (name: string) => (env(name) ?? "") !== "";
  if (os === "darwin" || os === "windows") {
    // It would open where nobody sits.
    if (has("SSH_CONNECTION")) return { commands: [], notes: ["this is a remote session"] };
    const opener = os === "darwin"
      ? { command: "/usr/bin/open", args: [url] }
      : rundll32(`${env("SystemRoot") || "C:\\Windows"}\\System32\\rundll32.exe`, url);
    return { commands: [opener], notes: [] };
  }
  const commands: BrowserCommand[] = [];
  if (os === "linux" && (has("WSL_DISTRO_NAME") || has("WSL_INTEROP"))) {
    // Not wslview, which hands the URL to PowerShell.
    const usual = "/mnt/c/Windows/System32/rundll32.exe";
    commands.push(rundll32(isFile(usual) ? usual : "rundll32.exe", url));
  }
  const display = has("DISPLAY") || has("WAYLAND_DISPLAY");
  if (display) commands.push(...DESKTOP.map(([command, ...args]) => ({ command, args: [...args, url] })));
  return { commands, notes: commands.length > 0 ? [] : ["there is no display"] };
}

function rundll32(command: string, url: string): BrowserCommand {
  return { command, args: ["url.dll,FileProtocolHandler", url] };
}
