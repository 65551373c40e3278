import { strictEqual } from "node:assert/strict";
import { isLoopbackAddress, namesLoopback } from "../../../src/balance/status/loopback_only.ts";

const HOSTS: readonly [host: string | null, loopback: boolean][] = [
  ["localhost", true],
  ["LocalHost:9464", true],
  ["127.0.0.1", true],
  ["127.0.0.1:9464", true],
  ["127.255.255.254:1", true],
  ["[::1]", true],
  ["[::1]:9464", true],
  [null, false],
  ["", false],
  [":9464", false],
  ["evil.example", false],
  ["localhost.evil.example", false],
  ["evil.example:127.0.0.1", false],
  ["127.0.0.1.evil.example", false],
  ["127.0.0.1, evil.example", false],
  ["evil@127.0.0.1", false],
  ["127.0.0.256", false],
  ["127.0.0", false],
  ["128.0.0.1", false],
  ["0.0.0.0", false],
  ["192.168.0.1", false],
  ["::1", false],
  ["[::2]", false],
  ["localhost:123456", false],
  ["localhost:", false],
  ["localhost\n", false],
];

for (const [host, loopback] of HOSTS) {
  Deno.test(`the Host ${JSON.stringify(host)} ${loopback ? "names" : "does not name"} this machine's loopback`, () => {
    strictEqual(namesLoopback(host), loopback);
  });
}

Deno.test("isLoopbackAddress knows this machine's own addresses", () => {
  for (const address of ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"]) {
    strictEqual(isLoopbackAddress(address), true, address);
  }
  for (const address of ["0.0.0.0", "::", "10.0.0.1", "::ffff:10.0.0.1", "fe80::1"]) {
    strictEqual(isLoopbackAddress(address), false, address);
  }
});
