/**
 * `deno run --allow-read scripts/release/notes.ts VERSION`: prints what `CHANGELOG.md` says of a version, which are the
 * notes of its release.
 */

/**
 * The section of a changelog (keepachangelog.com) for a version, without its heading. A date behind the version is not
 * looked at, so the section of the next release can be written before its day is known.
 *
 * @param version without `v`
 * @throws {Error} when there is no such section, or it is empty
 */
export function notesFor(changelog: string, version: string): string {
  const lines = linesOf(changelog.replaceAll("\r\n", "\n"));
  const headings = lines.flatMap(({ text, code }, i) => !code && text.startsWith("## ") ? [i] : []);
  const at = headings.find((i) => lines[i]!.text.match(/^## \[?([^\]\s]+)\]?/)?.[1] === version);
  if (at === undefined) throw new Error(`CHANGELOG.md has no section for ${version}`);
  const section = lines.slice(at + 1, headings.find((i) => i > at));
  const body = section.filter((line) => definedBy(line) === undefined).map(({ text }) => text).join("\n")
    .trim();
  // What links point to stands anywhere, mostly at the file's end; what headings alone point to is left out.
  const used = lines.filter((line) => {
    const label = definedBy(line);
    return label !== undefined && body.toLowerCase().includes(`[${label.toLowerCase()}]`);
  });
  const notes = [body, used.map(({ text }) => text).join("\n")].join("\n\n").trim();
  if (notes === "") throw new Error(`CHANGELOG.md says nothing of ${version}`);
  return `${notes}\n`;
}

/** A line, and whether it is in a block of code. */
interface Line {
  readonly text: string;
  readonly code: boolean;
}

/** A text's lines; a fence (spec.commonmark.org, section 4.5) begins and ends a block of code. */
function linesOf(text: string): Line[] {
  let open: string | undefined;
  return text.split("\n").map((text) => {
    const [, fence] = text.match(/^ {0,3}(`{3,}|~{3,})/) ?? [];
    if (fence === undefined) return { text, code: open !== undefined };
    if (open === undefined) open = fence;
    else if (fence.startsWith(open) && text.trim() === fence) open = undefined;
    return { text, code: true };
  });
}

/** The label that a line says the address of. */
function definedBy({ text, code }: Line): string | undefined {
  return code ? undefined : text.match(/^ {0,3}\[([^\]]+)\]: /)?.[1];
}

if (import.meta.main) {
  const [version] = Deno.args;
  if (version === undefined) throw new Error("notes.ts takes a version");
  const changelog = Deno.readTextFileSync(new URL("../../CHANGELOG.md", import.meta.url));
  Deno.stdout.writeSync(new TextEncoder().encode(notesFor(changelog, version.replace(/^v/, ""))));
}
