/**
 * `deno run --allow-read=.github --allow-run=git scripts/release/check_pins.ts [--from PLACE] [DIRECTORY]`: checks that
 * each action in the workflows is pinned by the hash of a commit, and that this commit is what the tag in the comment
 * behind it names in the action's own repository.
 *
 * PLACE is where the repositories are, with `{owner}` and `{name}`: an address or a path.
 */

/** Where actions are. */
const GITHUB = "https://github.com/{owner}/{name}";

/** An action that a workflow uses. */
export interface Pin {
  readonly file: string;
  readonly line: number;
  readonly owner: string;
  readonly name: string;
  /** The commit, 40 hexadecimal digits. */
  readonly hash: string;
  readonly tag: string;
}

/** What a workflow uses, and the lines that do not say it as they should. */
export interface Pins {
  readonly pins: readonly Pin[];
  readonly problems: readonly string[];
}

/**
 * Finds the actions in a workflow's text, one a line; written in another way, they are problems. What lies in the same
 * repository (`./…`) needs no pin.
 */
export function pinsIn(file: string, text: string): Pins {
  const pins: Pin[] = [];
  const problems: string[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    if (!/^[^#]*\buses["']?\s*:/.test(line) || /^\s*(?:- )?uses: \.\/[\w./-]+$/.test(line)) continue;
    const found = line.match(
      /^\s*(?:- )?uses: ([\w.-]+)\/([\w.-]+)(?:\/[\w./-]+)?@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)$/,
    );
    if (found === null) {
      problems.push(`${file}:${index + 1}: not pinned as owner/name@hash # vX.Y.Z: ${line.trim()}`);
      continue;
    }
    const [, owner, name, hash, tag] = found as unknown as [string, string, string, string, string];
    pins.push({ file, line: index + 1, owner, name, hash, tag });
  }
  return { pins, problems };
}

/**
 * The commit that a tag names, by what `git ls-remote` prints; undefined when there is no such tag. A tag with a text of
 * its own has a line for the commit it stands for.
 */
export function commitOf(listing: string, tag: string): string | undefined {
  const lines = listing.split("\n").map((line) => line.split("\t"));
  const at = (name: string) => lines.find(([, ref]) => ref === name)?.[0];
  return at(`refs/tags/${tag}^{}`) ?? at(`refs/tags/${tag}`);
}

/** Asks an action's repository what the tag is; undefined when the pin is right, else what is wrong. */
export async function judgePin(pin: Pin, from: string = GITHUB): Promise<string | undefined> {
  const { file, line, owner, name, hash, tag } = pin;
  const place = from.replaceAll("{owner}", owner).replaceAll("{name}", name);
  const { success, stdout, stderr } = await new Deno.Command("git", {
    args: ["ls-remote", "--tags", "--", place, `refs/tags/${tag}`, `refs/tags/${tag}^{}`],
    // Nobody is there to be asked for a password.
    env: { GIT_TERMINAL_PROMPT: "0" },
    stdin: "null",
  }).output();
  const where = `${file}:${line}: ${owner}/${name}`;
  if (!success) return `${where}: ${new TextDecoder().decode(stderr).trim()}`;
  const commit = commitOf(new TextDecoder().decode(stdout), tag);
  if (commit === undefined) return `${where} has no tag ${tag}`;
  return commit === hash ? undefined : `${where}: ${tag} is ${commit}, not ${hash}`;
}

/** Checks all workflows in a directory. @returns how many pins there are, and what is wrong */
export async function checkPins(
  directory: string,
  from: string = GITHUB,
): Promise<{ readonly count: number; readonly problems: readonly string[] }> {
  const problems: string[] = [];
  const pins: Pin[] = [];
  for await (const { name } of Deno.readDir(directory)) {
    if (!/\.ya?ml$/.test(name)) continue;
    const file = `${directory}/${name}`;
    const found = pinsIn(file, await Deno.readTextFile(file));
    pins.push(...found.pins);
    problems.push(...found.problems);
  }
  // The same action is used many times.
  const verdicts = new Map<string, Promise<string | undefined>>();
  for (const pin of pins) {
    const key = `${pin.owner}/${pin.name}@${pin.hash} ${pin.tag}`;
    if (!verdicts.has(key)) verdicts.set(key, judgePin(pin, from));
  }
  for (const verdict of await Promise.all(verdicts.values())) {
    if (verdict !== undefined) problems.push(verdict);
  }
  return { count: pins.length, problems: problems.sort() };
}

if (import.meta.main) {
  const [flag, place] = Deno.args;
  const given = flag === "--from" && place !== undefined;
  const [directory = ".github/workflows"] = given ? Deno.args.slice(2) : Deno.args;
  const { count, problems } = await checkPins(directory, given ? place : GITHUB);
  const encoder = new TextEncoder();
  for (const problem of problems) Deno.stderr.writeSync(encoder.encode(`${problem}\n`));
  if (problems.length > 0) Deno.exit(1);
  Deno.stdout.writeSync(encoder.encode(`${count} pins, each what its tag names\n`));
}
