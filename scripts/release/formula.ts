/**
 * `deno run --allow-read=CHECKSUMS scripts/release/formula.ts VERSION OWNER/NAME CHECKSUMS`: prints the Homebrew formula
 * for a release, made from the release's own checksums.
 */
import { checksumOf, type Checksums, parseChecksums } from "./checksums.ts";
import { checkRelease, downloadAddress, homepageOf, type Release } from "./release_address.ts";
import { executableName, type ReleaseTarget, targetFor } from "./targets.ts";

/**
 * The formula for a release.
 *
 * @throws {Error} when an executable has no checksum
 */
export function formula(release: Release, checksums: Checksums): string {
  const block = (platform: ReleaseTarget["platform"], cpu: ReleaseTarget["cpu"]) => {
    const file = executableName(targetFor(platform, cpu));
    return `    on_${cpu === "arm64" ? "arm" : "intel"} do
      url "${downloadAddress(release, file)}"
      sha256 "${checksumOf(checksums, file)}"
    end`;
  };
  return `# typed: false
# frozen_string_literal: true

# Made by the release of version ${release.version}; what is changed here by hand is lost with the next one.
class McpConnect < Formula
  desc "Connects any MCP client to any MCP server"
  homepage "${homepageOf(release)}"
  version "${release.version}"
  license "MIT"

  on_macos do
${block("darwin", "arm64")}
${block("darwin", "x64")}
  end

  on_linux do
${block("linux", "arm64")}
${block("linux", "x64")}
  end

  def install
    bin.install Dir["mcp-connect-*"].first => "mcp-connect"
    # The download is a bare file, which says nothing of its rights.
    chmod 0755, bin/"mcp-connect"
    generate_completions_from_executable(bin/"mcp-connect", "completions", shells: [:bash, :zsh, :fish])
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/mcp-connect --version")
    assert_match "ENDPOINT", shell_output("#{bin}/mcp-connect help proxy")
  end
end
`;
}

if (import.meta.main) {
  const [version, repository, checksums] = Deno.args;
  if (version === undefined || repository === undefined || checksums === undefined) {
    throw new Error("formula.ts takes a version, a repository and the file with the checksums");
  }
  const release = checkRelease(version, repository);
  const text = formula(release, parseChecksums(Deno.readTextFileSync(checksums)));
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}
