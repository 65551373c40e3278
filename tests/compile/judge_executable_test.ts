import { deepEqual, match, ok } from "node:assert/strict";
import fc from "fast-check";
import type { CompileJob } from "../../scripts/compile/compile_for.ts";
import { type Expected, judgeExecutable } from "../../scripts/compile/judge_executable.ts";
import { makeBase } from "../../scripts/compile/make_base.ts";
import { readPayload } from "../../scripts/compile/payload.ts";
import { TARGETS } from "../../scripts/compile/targets.ts";
import { openSampleShop, SAMPLE_ARGS, SAMPLE_FILES, SAMPLE_FLAGS } from "./sample.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

for (const target of TARGETS) {
  Deno.test(`what is put into an executable for ${target.triple} can be read from it again`, async () => {
    await using shop = await openSampleShop();
    const executable = await shop.make(target);
    deepEqual(judgeExecutable(executable, shop.expected(target)), []);
    const { metadata, files } = readPayload(executable);
    deepEqual(metadata.argv, SAMPLE_ARGS);
    deepEqual(metadata.permissions["allow_net"], ["mcp.example.com:443", "127.0.0.1"]);
    deepEqual(metadata.permissions["allow_read"], []);
    deepEqual(metadata.permissions["allow_run"], null);
    deepEqual(metadata.permissions.prompt, false);
    deepEqual(metadata.entrypoint_key, "main.js");
    const texts = [...files].map(([path, bytes]) => [path, new TextDecoder().decode(bytes)] as const);
    deepEqual(Object.fromEntries(texts), SAMPLE_FILES);
  });

  Deno.test(`an executable for ${target.triple} that was cut off is never taken for a good one`, async () => {
    await using shop = await openSampleShop();
    const executable = await shop.make(target);
    const expected = shop.expected(target);
    // What follows the payload, such as a signature, is not looked at.
    const whole = executable.length - (target.os === "darwin" ? 80 * 1024 : 16 * 1024);
    const lengths = fc.integer({ min: 0, max: Math.max(whole, 1500) });
    fc.assert(fc.property(lengths, (length) => {
      ok(judgeExecutable(executable.subarray(0, length), expected).length > 0);
    }));
  });

  Deno.test(`a base for ${target.triple} without a program is not taken for an executable`, async () => {
    await using shop = await openSampleShop();
    const [problem] = judgeExecutable(makeBase(target), shop.expected(target));
    match(problem ?? "", /no payload/);
  });
}

/** Each fault, in what is made or in what is wanted, and what is said of it. */
const FAULTS: readonly (readonly [
  name: string,
  made: Partial<CompileJob>,
  wanted: (expected: Expected) => Partial<Expected>,
  said: RegExp,
])[] = [
  ["all permissions", { flags: ["--allow-all", "--no-prompt"] }, () => ({}), /^allow-net: /],
  [
    "one permission too many",
    { flags: [...SAMPLE_FLAGS, "--allow-ffi"] },
    () => ({}),
    /^allow-ffi: \[\] instead of null$/,
  ],
  [
    "one permission too few",
    { flags: SAMPLE_FLAGS.filter((it) => it !== "--allow-env") },
    () => ({}),
    /^allow-env: null instead of \[\]$/,
  ],
  [
    "a wider permission",
    { flags: SAMPLE_FLAGS.map((it) => it.replace(/=.*/, "")) },
    () => ({}),
    /^allow-net: \[\] instead of \["mcp/,
  ],
  [
    "another host",
    { flags: SAMPLE_FLAGS.map((it) => it.replace("mcp.example.com", "evil.example.com")) },
    () => ({}),
    /^allow-net: /,
  ],
  [
    "questions at the terminal",
    { flags: SAMPLE_FLAGS.filter((it) => it !== "--no-prompt") },
    () => ({}),
    /^prompt: true instead of false$/,
  ],
  [
    "imports from elsewhere",
    { flags: SAMPLE_FLAGS.filter((it) => it !== "--deny-import") },
    () => ({}),
    /^deny-import: /,
  ],
  ["another argument", { args: ["proxy"] }, () => ({}), /^arguments: \["proxy"\] instead of /],
  ["no arguments", { args: [] }, () => ({}), /^arguments: \[\]/],
  [
    "a missing file",
    {},
    ({ files }) => ({ files: new Map([...files, ["parts/other.js", bytesOf("1")]]) }),
    /^parts\/other.js is missing$/,
  ],
  [
    "a file too many",
    {},
    ({ files }) => ({ files: new Map([...files].slice(0, 1)) }),
    /^parts\/more.js is too much$/,
  ],
  [
    "another file's bytes",
    {},
    ({ files }) => ({ files: new Map([...files, ["parts/more.js", bytesOf(`console.log("less");`)]]) }),
    /^parts\/more.js differs$/,
  ],
  ["another entry point", {}, () => ({ entry: "parts/more.js" }), /^entry point: "main.js" instead of /],
  ["a V8 flag too few", {}, () => ({ v8Flags: ["--lite-mode"] }), /^V8 flags: /],
];

for (const [name, made, wanted, said] of FAULTS) {
  Deno.test(`an executable with a fault is told: ${name}`, async () => {
    await using shop = await openSampleShop();
    const target = TARGETS[0]!;
    const executable = await shop.make(target, made);
    const expected = shop.expected(target);
    const problems = judgeExecutable(executable, { ...expected, ...wanted(expected) });
    ok(problems.some((it) => said.test(it)), problems.join("\n") || "nothing is told");
  });
}

Deno.test("an executable for another target is told", async () => {
  await using shop = await openSampleShop();
  const executable = await shop.make(TARGETS[0]!);
  for (const target of TARGETS.slice(1)) {
    const expected = shop.expected(target);
    deepEqual(judgeExecutable(executable, expected), ["it is for x86_64 linux"]);
  }
});

Deno.test("a Windows executable without its icon, or with another one, is told", async () => {
  await using shop = await openSampleShop();
  const target = TARGETS.find(({ os }) => os === "windows")!;
  const expected = shop.expected(target);
  const executable = await shop.make(target);
  const pixels = expected.icon!.slice();
  pixels[0]! ^= 1;
  deepEqual(judgeExecutable(executable, { ...expected, icon: pixels }), ["the icon is another one"]);
  const plain = { ...target, os: "linux" as const };
  const without = await shop.make(target, { target: plain });
  deepEqual(judgeExecutable(without, expected), ["the icon is missing"]);
});

Deno.test("what is no executable at all is told", async () => {
  await using shop = await openSampleShop();
  const expected = shop.expected(TARGETS[0]!);
  for (const bytes of [new Uint8Array(), new Uint8Array(4096), bytesOf("#!/bin/sh\nexec deno\n".repeat(9))]) {
    deepEqual(judgeExecutable(bytes, expected), ["it is for no known system"]);
  }
});
