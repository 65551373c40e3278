import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { BrowserError } from "../../../src/oauth/browser/browser_error.ts";
import { expectedHosts, planRedirect, redirectUri } from "../../../src/oauth/browser/redirect_plan.ts";

const own = (port: number) => [`127.0.0.1:${port}`, `[::1]:${port}`, `localhost:${port}`];

const table: {
  what: string;
  redirectUrl?: string;
  callbackPort?: number;
  /** What is bound. */
  port: number;
  path: string;
  /** Once 5000 was bound where any would do. */
  uri: string;
  hosts: string[];
}[] = [
  { what: "nothing", port: 0, path: "/callback", uri: "http://127.0.0.1:5000/callback", hosts: own(5000) },
  {
    what: "a port",
    callbackPort: 3118,
    port: 3118,
    path: "/callback",
    uri: "http://127.0.0.1:3118/callback",
    hosts: own(3118),
  },
  {
    what: "a URL on this machine",
    redirectUrl: "http://localhost:3118/oauth/cb?x=1",
    port: 3118,
    path: "/oauth/cb",
    uri: "http://localhost:3118/oauth/cb?x=1",
    hosts: own(3118),
  },
  {
    what: "a URL in a spelling of its own",
    redirectUrl: "HTTP://LocalHost:3118",
    port: 3118,
    path: "/",
    uri: "HTTP://LocalHost:3118",
    hosts: own(3118),
  },
  {
    what: "a URL without a port",
    redirectUrl: "http://localhost/cb",
    port: 0,
    path: "/cb",
    uri: "http://localhost:5000/cb",
    hosts: own(5000),
  },
  {
    what: "a URL without a port and a path",
    redirectUrl: "http://[::1]",
    port: 0,
    path: "/",
    uri: "http://[::1]:5000",
    hosts: own(5000),
  },
  {
    what: "port 80, said",
    redirectUrl: "http://127.0.0.1:80/cb",
    port: 80,
    path: "/cb",
    uri: "http://127.0.0.1:80/cb",
    hosts: ["127.0.0.1", ...own(80), "[::1]", "localhost"],
  },
  {
    what: "a port that another is forwarded to",
    redirectUrl: "http://localhost:8080/cb",
    callbackPort: 3000,
    port: 3000,
    path: "/cb",
    uri: "http://localhost:8080/cb",
    hosts: [...own(3000), ...own(8080)],
  },
  {
    what: "a tunnel",
    redirectUrl: "https://Me.tunnel.example/cb",
    callbackPort: 3000,
    port: 3000,
    path: "/cb",
    uri: "https://Me.tunnel.example/cb",
    hosts: ["me.tunnel.example", ...own(3000)],
  },
];
for (const { what, redirectUrl, callbackPort, port, path, uri, hosts } of table) {
  Deno.test(`planRedirect: ${what}`, () => {
    const plan = planRedirect({ redirectUrl, callbackPort });
    deepStrictEqual([plan.port, plan.path], [port, path]);
    const bound = { port: port === 0 ? 5000 : port, v4: true };
    strictEqual(redirectUri(plan, bound), uri);
    deepStrictEqual([...expectedHosts(plan, bound)].sort(), hosts.sort());
  });
}

Deno.test("redirectUri is that of ::1 where the machine has no 127.0.0.1", () => {
  strictEqual(redirectUri(planRedirect({}), { port: 5000, v4: false }), "http://[::1]:5000/callback");
});

const wrong: [redirectUrl: string, callbackPort?: number][] = [
  ["localhost:3118/cb"],
  ["com.example.app:/cb"],
  ["urn:ietf:wg:oauth:2.0:oob"],
  ["http://as.example/cb"],
  ["http://192.168.1.2:3118/cb"],
  ["http://0.0.0.0:3118/cb"],
  ["http://127.0.0.2:3118/cb"],
  ["http://localhost.evil.example:3118/cb"],
  ["http://u:p@localhost:3118/cb"],
  ["http://localhost:3118/cb#x"],
  ["http://localhost:3118/a b"],
  ["http://localhost:3118/cb\n"],
  ["https://me.tunnel.example/cb"],
  [""],
];
for (const [redirectUrl, callbackPort] of wrong) {
  Deno.test(`planRedirect refuses ${JSON.stringify(redirectUrl)}`, () => {
    throws(() => planRedirect({ redirectUrl, callbackPort }), (error) => {
      ok(error instanceof BrowserError);
      return error.code === "REDIRECT_URL";
    });
  });
}
