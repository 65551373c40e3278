import { ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { compareVersions, parseVersion } from "../../src/cli/compare_versions.ts";

const parsed = (text: string) => {
  const version = parseVersion(text);
  ok(version !== undefined, text);
  return version;
};

Deno.test("versions are ordered as semver's own example has it, and numbers count as numbers", () => {
  const order = [
    "0.0.1",
    "0.9.0",
    "0.10.0",
    "1.0.0-0",
    "1.0.0-2",
    "1.0.0-10",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.0.1",
    "2.0.0",
  ];
  for (const [i, a] of order.entries()) {
    for (const [j, b] of order.entries()) {
      strictEqual(Math.sign(compareVersions(parsed(a), parsed(b))), Math.sign(i - j), `${a} ${b}`);
    }
  }
  strictEqual(compareVersions(parsed("1.0.0+a"), parsed("1.0.0+b")), 0);
});

Deno.test("what is no semantic version is none", () => {
  for (
    const text of ["", "1", "1.2", "v1.2.3", "1.2.3.4", "01.2.3", "1.2.3-", "1.2.3-01", "1.2.3 ", "1.2.x"]
  ) {
    strictEqual(parseVersion(text), undefined, text);
  }
});

Deno.test("the order of versions has no loops: one comes before the other, or neither does", () => {
  const identifier = fc.constantFrom("0", "1", "2", "10", "a", "b", "rc", "-");
  const version = fc.tuple(fc.nat(2), fc.nat(2), fc.nat(2), fc.array(identifier, { maxLength: 3 })).map(
    ([a, b, c, pre]) => parsed(`${a}.${b}.${c}${pre.length === 0 ? "" : `-${pre.join(".")}`}`),
  );
  fc.assert(fc.property(version, version, version, (a, b, c) => {
    strictEqual(Math.sign(compareVersions(a, b)), -Math.sign(compareVersions(b, a)) + 0);
    if (compareVersions(a, b) <= 0 && compareVersions(b, c) <= 0) ok(compareVersions(a, c) <= 0);
  }));
});
