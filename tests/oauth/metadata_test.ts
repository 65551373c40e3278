import { deepStrictEqual, match, strictEqual, throws } from "node:assert/strict";
import {
  isResourceOf,
  readResourceMetadata,
  resourceMetadataUrls,
} from "../../src/oauth/resource_metadata.ts";
import {
  readServerMetadata,
  requirePkce,
  type Server,
  serverMetadataUrls,
} from "../../src/oauth/server_metadata.ts";

Deno.test("resource metadata is looked for at the challenge's place, the server's path, the root", () => {
  const rows: readonly (readonly [mcp: string, challenged: string | undefined, urls: string[]])[] = [
    ["https://a.example/mcp", undefined, [
      "https://a.example/.well-known/oauth-protected-resource/mcp",
      "https://a.example/.well-known/oauth-protected-resource",
    ]],
    ["https://a.example/", undefined, ["https://a.example/.well-known/oauth-protected-resource"]],
    ["https://a.example:8443/x/y/?k=1", undefined, [
      "https://a.example:8443/.well-known/oauth-protected-resource/x/y/?k=1",
      "https://a.example:8443/.well-known/oauth-protected-resource",
    ]],
    ["https://a.example/mcp", "https://b.example/meta", [
      "https://b.example/meta",
      "https://a.example/.well-known/oauth-protected-resource/mcp",
      "https://a.example/.well-known/oauth-protected-resource",
    ]],
    ["https://a.example/mcp", "https://a.example/.well-known/oauth-protected-resource", [
      "https://a.example/.well-known/oauth-protected-resource",
      "https://a.example/.well-known/oauth-protected-resource/mcp",
    ]],
  ];
  for (const [mcp, challenged, urls] of rows) {
    deepStrictEqual(resourceMetadataUrls(new URL(mcp), challenged), urls);
  }
});

Deno.test("a server is its resource, or a part of it", () => {
  const rows: readonly (readonly [resource: string, mcp: string, is: boolean])[] = [
    ["https://a.example/mcp", "https://a.example/mcp", true],
    ["https://a.example", "https://a.example/mcp", true],
    ["https://a.example/", "https://a.example/mcp", true],
    ["HTTPS://A.example:443/mcp", "https://a.example/mcp", true],
    ["https://a.example/mcp/", "https://a.example/mcp", true],
    ["https://a.example/mcp", "https://a.example/mcp/x", true],
    ["https://a.example/mcp?k=1", "https://a.example/mcp?k=1", true],
    ["https://a.example/mcp", "https://a.example/mcp?k=1", true],
    ["https://a.example/mcp?k=2", "https://a.example/mcp?k=1", false],
    ["https://a.example/mc", "https://a.example/mcp", false],
    ["https://a.example/mcp/x", "https://a.example/mcp", false],
    ["https://b.example/mcp", "https://a.example/mcp", false],
    ["http://a.example/mcp", "https://a.example/mcp", false],
    ["https://a.example:8443/mcp", "https://a.example/mcp", false],
    ["https://a.example/mcp#x", "https://a.example/mcp", false],
    ["https://u@a.example/mcp", "https://a.example/mcp", false],
    ["mcp", "https://a.example/mcp", false],
  ];
  for (const [resource, mcp, is] of rows) strictEqual(isResourceOf(resource, new URL(mcp)), is, resource);
});

Deno.test("resource metadata keeps the spelling of the resource, and must name somebody", () => {
  const url = "https://a.example/m";
  const mcpUrl = new URL("https://a.example/mcp");
  const good = { resource: "https://A.example", authorization_servers: ["https://as.example"] };
  strictEqual(readResourceMetadata(good, url, mcpUrl).resource, "https://A.example");
  const bad: readonly (readonly [json: Record<string, unknown>, code: string])[] = [
    [{ ...good, resource: "https://b.example" }, "RESOURCE_MISMATCH"],
    [{ ...good, resource: undefined }, "BAD_METADATA"],
    [{ ...good, resource: 7 }, "BAD_METADATA"],
    [{ ...good, authorization_servers: [] }, "BAD_METADATA"],
    [{ ...good, authorization_servers: undefined }, "BAD_METADATA"],
    [{ ...good, authorization_servers: "https://as.example" }, "BAD_METADATA"],
    [{ ...good, authorization_servers: [{}] }, "BAD_METADATA"],
    [{ ...good, scopes_supported: "a b" }, "BAD_METADATA"],
  ];
  for (const [json, code] of bad) {
    throws(() => readResourceMetadata(json, url, mcpUrl), { code }, JSON.stringify(json));
  }
});

Deno.test("server metadata is looked for in all well-known shapes, in the specification's order", () => {
  deepStrictEqual(serverMetadataUrls("https://as.example/tenant1"), [
    "https://as.example/.well-known/oauth-authorization-server/tenant1",
    "https://as.example/.well-known/openid-configuration/tenant1",
    "https://as.example/tenant1/.well-known/openid-configuration",
  ]);
  const root = [
    "https://as.example/.well-known/oauth-authorization-server",
    "https://as.example/.well-known/openid-configuration",
  ];
  deepStrictEqual(serverMetadataUrls("https://as.example"), root);
  deepStrictEqual(serverMetadataUrls("https://as.example/"), root);
  deepStrictEqual(
    serverMetadataUrls("https://as.example/t/v2.0/")[0],
    "https://as.example/.well-known/oauth-authorization-server/t/v2.0",
  );
});

Deno.test("server metadata in the name of another issuer is not used, however alike they are", () => {
  const issuer = "https://as.example/t";
  for (
    const other of [
      "https://as.example/t/",
      "https://AS.example/t",
      "https://as.example:443/t",
      "https://as.example/%74",
      "https://evil.example",
      undefined,
      7,
    ]
  ) {
    throws(
      () =>
        readServerMetadata(
          { issuer: other, token_endpoint: "https://as.example/token" },
          "https://as.example/x",
          [issuer],
        ),
      (error: { code: string }) => error.code === "ISSUER_MISMATCH" || error.code === "BAD_METADATA",
      String(other),
    );
  }
  throws(
    () => readServerMetadata({ issuer: `${issuer}/` }, "https://as.example/x", [issuer]),
    (error: { hint: string }) => {
      match(error.hint, /slash/);
      return true;
    },
  );
});

Deno.test("server metadata of the wrong types is not used", () => {
  const issuer = "https://as.example";
  for (
    const bad of [{ token_endpoint: 7 }, { token_endpoint: "token" }, { scopes_supported: "a" }, {
      code_challenge_methods_supported: [1],
    }]
  ) {
    throws(() => readServerMetadata({ issuer, ...bad }, "https://as.example/x", [issuer]), {
      code: "BAD_METADATA",
    });
  }
  // What is not known is not kept, nor what only looks like true.
  deepStrictEqual(
    readServerMetadata(
      { issuer, extra: 1, client_id_metadata_document_supported: "true", token_endpoint: null },
      "https://as.example/x",
      [issuer],
    ),
    { issuer },
  );
});

Deno.test("a server that does not say that it supports PKCE is refused, but for those that say nothing at all", () => {
  const server = (methods: string[] | undefined, known: Server["known"] = "metadata"): Server => ({
    known,
    metadata: {
      issuer: "https://as.example",
      ...(methods === undefined ? {} : { code_challenge_methods_supported: methods }),
    },
  });
  requirePkce(server(["plain", "S256"]), false);
  requirePkce(server(undefined, "defaults"), false);
  requirePkce(server(undefined, "settings"), false);
  requirePkce(server(undefined), true);
  for (const methods of [undefined, [], ["plain"]]) {
    throws(() => requirePkce(server(methods), false), { code: "NO_PKCE" });
  }
});
