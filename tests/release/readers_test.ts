import { deepStrictEqual, match, notStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { bundleName, mcpbBundle, mcpbManifest } from "../../scripts/release/mcpb.ts";
import { packagesOfProgram, sbom } from "../../scripts/release/sbom.ts";
import { RELEASE_TARGETS, targetFor } from "../../scripts/release/targets.ts";
import { installPackages, run } from "./npm_tools.ts";
import { readFile, RELEASE } from "./release_files.ts";

// The tools that those who read these files have made for them.
const TOOLS = [
  "@anthropic-ai/mcpb@2.1.2",
  "@cyclonedx/cyclonedx-library@10.3.0",
  "ajv@8.20.0",
  "ajv-formats@3.0.1",
  "ajv-formats-draft2019@1.6.1",
];

const JUDGE_SBOM = `
const { Spec: { Version }, Validation: { JsonStrictValidator } } = require("@cyclonedx/cyclonedx-library");
const text = require("node:fs").readFileSync(process.argv[2], "utf8");
new JsonStrictValidator(Version.v1dot6).validate(text).then((problem) => {
  if (problem !== null) throw new Error(JSON.stringify(problem));
  console.log("valid");
});
`;

Deno.test("the bundles and the bill of materials are what their readers' own tools take", async (t) => {
  const directory = await Deno.makeTempDir();
  const mcpb = ["node", `${directory}/node_modules/@anthropic-ai/mcpb/dist/cli/cli.js`];
  try {
    await Deno.writeTextFile(`${directory}/package.json`, "{}");
    await installPackages(directory, TOOLS);

    // The two processors of a system have the same manifest.
    for (const target of RELEASE_TARGETS.filter(({ cpu }) => cpu === "x64")) {
      await t.step(`the manifest of ${bundleName(target)}`, async () => {
        const file = `${directory}/${target.target}.json`;
        await Deno.writeTextFile(file, JSON.stringify(mcpbManifest(RELEASE, target)));
        match(await run([...mcpb, "validate", file]), /validation passes/);
      });
    }

    await t.step("a manifest that lacks something is told from them", async () => {
      const { server: _, ...rest } = mcpbManifest(RELEASE, targetFor("linux", "x64"));
      await Deno.writeTextFile(`${directory}/lacking.json`, JSON.stringify(rest));
      await rejects(run([...mcpb, "validate", `${directory}/lacking.json`]), /server/);
    });

    await t.step("a bundle unpacks to its files, the program ready to run", async () => {
      const files = {
        executable: new Uint8Array(300_000).fill(7),
        license: new TextEncoder().encode("MIT\n"),
      };
      const target = targetFor("linux", "x64");
      await Deno.writeFile(`${directory}/x.mcpb`, mcpbBundle(RELEASE, target, files));
      await run([...mcpb, "unpack", `${directory}/x.mcpb`, `${directory}/unpacked`]);
      const path = `${directory}/unpacked/server/mcp-connect`;
      deepStrictEqual(await Deno.readFile(path), files.executable);
      strictEqual(await Deno.readTextFile(`${directory}/unpacked/LICENSE`), "MIT\n");
      deepStrictEqual(
        JSON.parse(await Deno.readTextFile(`${directory}/unpacked/manifest.json`)),
        mcpbManifest(RELEASE, target),
      );
      if (Deno.build.os !== "windows") strictEqual((await Deno.stat(path)).mode! & 0o777, 0o755);
    });

    await t.step("the bill of materials", async () => {
      const packages = await packagesOfProgram();
      ok(packages.some((name) => name.startsWith("oauth4webapi@")), packages.join());
      const lock = JSON.parse(readFile("deno.lock"));
      const bill = sbom({ ...RELEASE, deno: "2.9.6", packages, lock });
      // Without a serial number what attests it does not know its form; the same contents have the same.
      match(
        String(bill["serialNumber"]),
        /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
      );
      deepStrictEqual(sbom({ ...RELEASE, deno: "2.9.6", packages, lock }), bill);
      notStrictEqual(
        sbom({ ...RELEASE, deno: "2.9.7", packages, lock })["serialNumber"],
        bill["serialNumber"],
      );
      await Deno.writeTextFile(`${directory}/judge.cjs`, JUDGE_SBOM);
      await Deno.writeTextFile(`${directory}/sbom.json`, JSON.stringify(bill));
      strictEqual(await run(["node", `${directory}/judge.cjs`, `${directory}/sbom.json`]), "valid\n");
      await Deno.writeTextFile(
        `${directory}/bad.json`,
        JSON.stringify({ ...bill, components: [{ name: "x" }] }),
      );
      await rejects(run(["node", `${directory}/judge.cjs`, `${directory}/bad.json`]), /components/);
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
