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
  const sections = changelog.replaceAll("\r\n", "\n").split(/^(?=## )/m);
  const section = sections.find((text) => text.match(/^## \[?([^\]\s]+)\]?/)?.[1] === version);
  if (section === undefined) throw new Error(`CHANGELOG.md has no section for ${version}`);
  const notes = section
    .replace(/^.*\n?/, "")
    // The addresses that headings point to, at the file's end.
    .replace(/^\[[^\]]+\]: .*$\n?/gm, "")
    .trim();
  if (notes === "") throw new Error(`CHANGELOG.md says nothing of ${version}`);
  return `${notes}\n`;
}

if (import.meta.main) {
  const [version] = Deno.args;
  if (version === undefined) throw new Error("notes.ts takes a version");
  const changelog = Deno.readTextFileSync(new URL("../../CHANGELOG.md", import.meta.url));
  Deno.stdout.writeSync(new TextEncoder().encode(notesFor(changelog, version.replace(/^v/, ""))));
}
