import { deepStrictEqual, throws } from "node:assert/strict";
import { scoopManifest } from "../../scripts/release/scoop.ts";
import { CHECKSUMS, RELEASE, ROOT } from "./release_files.ts";
import { checksumsText } from "../../scripts/release/checksums.ts";

const MANIFEST = {
  version: "1.2.3",
  description: "Connects any MCP client to any MCP server",
  homepage: "https://github.com/example/mcp-connect",
  license: "MIT",
  architecture: {
    "64bit": {
      url:
        "https://github.com/example/mcp-connect/releases/download/v1.2.3/mcp-connect-x86_64-pc-windows-msvc.exe#/mcp-connect.exe",
      hash: "4".repeat(64),
    },
    arm64: {
      url:
        "https://github.com/example/mcp-connect/releases/download/v1.2.3/mcp-connect-aarch64-pc-windows-msvc.exe#/mcp-connect.exe",
      hash: "5".repeat(64),
    },
  },
  bin: "mcp-connect.exe",
  checkver: { github: "https://github.com/example/mcp-connect" },
  autoupdate: {
    architecture: {
      "64bit": {
        url:
          "https://github.com/example/mcp-connect/releases/download/v$version/mcp-connect-x86_64-pc-windows-msvc.exe#/mcp-connect.exe",
      },
      arm64: {
        url:
          "https://github.com/example/mcp-connect/releases/download/v$version/mcp-connect-aarch64-pc-windows-msvc.exe#/mcp-connect.exe",
      },
    },
    hash: { url: "$baseurl/SHA256SUMS" },
  },
};

Deno.test("each processor gets its own executable, with its checksum, under one name (Scoop)", () => {
  deepStrictEqual(scoopManifest(RELEASE, CHECKSUMS), MANIFEST);
});

Deno.test("the script prints the manifest for the checksums it is given", async () => {
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, checksumsText(CHECKSUMS));
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-prompt",
        `--allow-read=${file}`,
        new URL("scripts/release/scoop.ts", ROOT).href,
        RELEASE.version,
        RELEASE.repository,
        file,
      ],
    }).output();
    deepStrictEqual(JSON.parse(new TextDecoder().decode(stdout)), MANIFEST);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("there is no manifest when an executable is missing", () => {
  throws(() => scoopManifest(RELEASE, new Map()), /no checksum of mcp-connect-x86_64-pc-windows-msvc\.exe/);
});
