import { ok, strictEqual, throws } from "node:assert/strict";
import { formula } from "../../scripts/release/formula.ts";
import { checkRepository } from "../../scripts/release/release_address.ts";
import { CHECKSUMS, RELEASE } from "./release_files.ts";

const TEXT = formula(RELEASE, CHECKSUMS);

/** What Ruby makes of a program; undefined where there is no Ruby. */
async function ruby(args: readonly string[], program: string): Promise<string | undefined> {
  const file = await Deno.makeTempFile({ suffix: ".rb" });
  try {
    await Deno.writeTextFile(file, program);
    const { success, stdout, stderr } = await new Deno.Command("ruby", { args: [...args, file] }).output();
    const decoder = new TextDecoder();
    ok(success, decoder.decode(stderr));
    return decoder.decode(stdout);
  } finally {
    await Deno.remove(file);
  }
}

const hasRuby = await new Deno.Command("ruby", { args: ["--version"], stdout: "null" }).output()
  .then(({ success }) => success, () => false);

Deno.test("each system and processor gets its own executable, with its checksum (Homebrew)", () => {
  const at = (system: string, cpu: string) =>
    TEXT.match(
      new RegExp(`on_${system} do\\n(?:.*\\n){0,5}?    on_${cpu} do\\n.*url "(.*)"\\n.*sha256 "(.*)"`),
    )
      ?.slice(1);
  const base = "https://github.com/example/mcp-connect/releases/download/v1.2.3";
  for (
    const [system, cpu, target, digit] of [
      ["linux", "intel", "x86_64-unknown-linux-gnu", "0"],
      ["linux", "arm", "aarch64-unknown-linux-gnu", "1"],
      ["macos", "intel", "x86_64-apple-darwin", "2"],
      ["macos", "arm", "aarch64-apple-darwin", "3"],
    ] as const
  ) {
    strictEqual(at(system, cpu)?.join(" "), `${base}/mcp-connect-${target} ${digit.repeat(64)}`);
  }
});

Deno.test("the formula is Ruby (ruby)", { ignore: !hasRuby }, async () => {
  strictEqual(await ruby(["-wc"], TEXT), "Syntax OK\n");
});

// What Homebrew does with it, as far as it matters here: it evaluates the class for this machine.
const HOMEBREW = `
class Formula
  def self.method_missing(name, *args, &block)
    return block.call if %i[on_linux on_arm].include?(name)
    puts [name, *args].join(" ") unless block
  end
  def self.respond_to_missing?(*) = true
  def self.test = nil
end
`;

Deno.test(
  "the formula takes the executable of the machine it is on (ruby)",
  { ignore: !hasRuby },
  async () => {
    const printed = await ruby([], HOMEBREW + TEXT.replace(/^# .*$/gm, ""));
    const lines = printed!.trim().split("\n");
    strictEqual(lines.filter((line) => line.startsWith("url ")).length, 1);
    ok(lines.includes(`sha256 ${"1".repeat(64)}`));
    ok(lines.includes("version 1.2.3"));
  },
);

Deno.test("there is no formula when an executable is missing, or the repository's name is none", () => {
  const some = new Map(CHECKSUMS);
  some.delete("mcp-connect-aarch64-apple-darwin");
  throws(() => formula(RELEASE, some), /no checksum of mcp-connect-aarch64-apple-darwin/);
  for (const name of ["x", "a/b/c", 'a/"b', "a/b\n", "-a/b", ""]) {
    throws(() => checkRepository(name), /owner\/name/, name);
  }
  strictEqual(checkRepository("example/mcp-connect"), "example/mcp-connect");
});
