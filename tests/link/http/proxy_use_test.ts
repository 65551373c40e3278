import { strictEqual } from "node:assert/strict";
import { proxyUse } from "../../../src/link/http/proxy_use.ts";

const P = "http://proxy.test:3128";

const TABLE: [url: string, variables: Record<string, string | null>, use: ReturnType<typeof proxyUse>][] = [
  ["https://host.test/", {}, "direct"],
  ["https://host.test/", { HTTPS_PROXY: "" }, "direct"],
  ["https://host.test/", { HTTPS_PROXY: P }, "proxy"],
  ["https://host.test/", { https_proxy: P }, "proxy"],
  ["https://host.test/", { ALL_PROXY: P }, "proxy"],
  ["https://host.test/", { all_proxy: P }, "proxy"],
  ["https://host.test/", { HTTP_PROXY: P, http_proxy: P }, "direct"],
  ["http://host.test/", { HTTP_PROXY: P }, "proxy"],
  ["http://host.test/", { HTTPS_PROXY: P }, "direct"],
  ["https://host.test/", { HTTPS_PROXY: null }, "unknown"],
  ["https://host.test/", { all_proxy: null }, "unknown"],
  ["https://host.test/", { HTTPS_PROXY: P, all_proxy: null }, "proxy"],
  ["https://host.test/", { HTTP_PROXY: null }, "direct"],
  ["https://host.test/", { HTTPS_PROXY: P, NO_PROXY: "*" }, "direct"],
  ["https://host.test/", { HTTPS_PROXY: P, NO_PROXY: "a.test, HOST.test" }, "direct"],
  ["https://host.test/", { HTTPS_PROXY: P, no_proxy: ".test" }, "direct"],
  ["https://host.test/", { HTTPS_PROXY: P, no_proxy: "*.test" }, "direct"],
  ["https://a.host.test/", { HTTPS_PROXY: P, no_proxy: "host.test" }, "direct"],
  ["https://ghost.test/", { HTTPS_PROXY: P, no_proxy: "host.test" }, "proxy"],
  ["https://host.test/", { HTTPS_PROXY: P, no_proxy: ",," }, "proxy"],
  ["https://host.test/", { HTTPS_PROXY: P, NO_PROXY: null }, "proxy"],
  ["https://10.1.2.3/", { HTTPS_PROXY: P, NO_PROXY: "10.1.2.3" }, "direct"],
  ["https://[fd00::1]/", { HTTPS_PROXY: P, NO_PROXY: "fd00::1" }, "direct"],
  // A range is not understood here, and may well hold the host: nothing is known for sure.
  ["https://10.1.2.3/", { HTTPS_PROXY: P, NO_PROXY: "10.0.0.0/8" }, "proxy"],
];

for (const [url, variables, use] of TABLE) {
  Deno.test(`proxyUse takes ${url} with ${JSON.stringify(variables)} for ${use}`, () => {
    strictEqual(proxyUse(new URL(url), (name) => variables[name]), use);
  });
}
