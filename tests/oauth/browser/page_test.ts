import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import type { CallbackPage } from "../../../src/oauth/browser/callback_server.ts";
import { renderPage } from "../../../src/oauth/browser/page.ts";

const frame = { server: "mcp.example.com", nonce: "n0nce" };

const pages: [page: CallbackPage, status: number, title: string][] = [
  [{ ok: true }, 200, "You’re signed in"],
  [{ ok: false, why: "no" }, 400, "That didn’t work"],
  ["used", 410, "Already used"],
  ["unexpected", 400, "Not the answer we wait for"],
  ["late", 410, "This came too late"],
];
for (const [page, status, title] of pages) {
  Deno.test(`the page "${title}" says so in its title and its heading, and loads nothing`, () => {
    const { status: shown, headers, body } = renderPage(page, frame);
    strictEqual(shown, status);
    ok(body.includes(`<h1>${title}</h1>`));
    ok(body.includes(`<title>${title} · mcp-connect</title>`));
    match(body, /^<!DOCTYPE html>\n<html lang="en">/);
    const csp = headers["Content-Security-Policy"] ?? "";
    for (
      const rule of ["default-src 'none'", "style-src 'nonce-n0nce'", "base-uri 'none'", "form-action 'none'"]
    ) {
      ok(csp.includes(rule), rule);
    }
    ok(csp.includes("frame-ancestors 'none'"));
    ok(!/unsafe|\*|https?:|script-src/.test(csp), csp);
    // The one address in it names the vocabulary of SVG.
    const addresses = body.replaceAll("%3A", ":").replaceAll("%2F", "/").match(/[a-z]+:\/\/[^"'%\s]+/g);
    deepStrictEqual(addresses, ["http://www.w3.org/2000/svg"]);
    ok(!/<script|\son\w+=|@import|url\(|<a\s|<form|<iframe|style="/i.test(body));
    strictEqual(headers["Referrer-Policy"], "no-referrer");
    strictEqual(headers["Cache-Control"], "no-store");
    strictEqual(headers["X-Content-Type-Options"], "nosniff");
  });
}

const attacks = [
  "<script>alert(1)</script>",
  "</style><img src=x onerror=alert(1)>",
  "\"' onmouseover=alert(1) x=`",
  "&lt;script&gt;",
  "</p></main><form action=https://evil.example>",
];
for (const attack of attacks) {
  Deno.test(`what the server says is text on the page: ${attack}`, () => {
    const failure = renderPage({ ok: false, why: attack }, { ...frame, server: attack }).body;
    const tags = (body: string) => body.match(/<[^>]*>/g);
    const plain = renderPage({ ok: false, why: "why" }, frame).body;
    strictEqual(tags(failure)?.join("\n"), tags(plain)?.join("\n"));
    ok(
      !failure.includes("&lt;script") || attack !== "&lt;script&gt;",
      "an entity was taken for what it stands for",
    );
  });
}

Deno.test("what hides or turns text is made visible", () => {
  const { body } = renderPage({ ok: false, why: "a\u202eb\u200bc\0d\x1be" }, frame);
  ok(body.includes("a\\u202eb\\u200bc\\x00d\\x1be"));
});

Deno.test("a long reason is cut, between letters", () => {
  const { body } = renderPage({ ok: false, why: "😀".repeat(5000) }, frame);
  ok(body.includes("😀…</p>"));
  ok(body.length < 8000);
});

Deno.test("no reason, no box for it", () => {
  ok(!renderPage({ ok: false, why: " " }, frame).body.includes('class="detail"'));
});
