import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { chooseScopes, mayStepUp, type ScopeSources, splitScope } from "../../src/oauth/scopes.ts";

Deno.test("scopes are the challenge's, else the resource's, else none, and never invented", () => {
  const rows: readonly (readonly [sources: Partial<ScopeSources>, chosen: string[] | undefined])[] = [
    [{}, undefined],
    [{ server: ["a", "b"] }, undefined],
    [{ server: ["a", "offline_access"] }, undefined],
    [{ resource: ["a"] }, ["a"]],
    [{ resource: [] }, undefined],
    [{ challenge: ["c"], resource: ["a", "b"] }, ["c"]],
    [{ challenge: ["c"], server: ["x"] }, ["c"]],
    // offline_access only where it is advertised, and of use
    [{ resource: ["a"], server: ["a", "offline_access"] }, ["a", "offline_access"]],
    [{ resource: ["a"], server: ["a", "offline_access"], refreshable: false }, ["a"]],
    [{ resource: ["a"], server: ["a"] }, ["a"]],
    [{ resource: ["a", "offline_access"], server: ["offline_access"] }, ["a", "offline_access"]],
    // the user's choice
    [{ settings: ["u"], challenge: ["c"], resource: ["a"], server: ["offline_access"] }, ["u"]],
    [{ settings: [], challenge: ["c"] }, undefined],
    // step-up
    [{ before: ["a"], challenge: ["b"] }, ["a", "b"]],
    [{ before: ["a", "b"], challenge: ["b", "c"], resource: ["x"] }, ["a", "b", "c"]],
    [{ before: ["a"], resource: ["x"] }, ["a"]],
    [{ settings: ["u"], before: ["u"], challenge: ["c"] }, ["u", "c"]],
  ];
  for (const [sources, chosen] of rows) {
    deepStrictEqual(chooseScopes({ refreshable: true, ...sources }), chosen, JSON.stringify(sources));
  }
});

Deno.test("more scopes are asked for a few times, and not for the same again", () => {
  strictEqual(mayStepUp([], ["a"]).kind, "ask");
  strictEqual(mayStepUp([["a"]], ["b"]).kind, "ask");
  strictEqual(mayStepUp([["a", "b"]], ["b"]).kind, "stop");
  strictEqual(mayStepUp([["a"], ["a", "b"]], ["c"]).kind, "stop");
  strictEqual(mayStepUp([], undefined).kind, "stop");
});

Deno.test("a scope parameter is read as RFC 6749 writes it", () => {
  deepStrictEqual(splitScope(" a  b "), ["a", "b"]);
  strictEqual(splitScope(undefined), undefined);
});
