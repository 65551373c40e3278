import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { readPasted } from "../../../src/oauth/browser/pasted_answer.ts";

const answers: [what: string, text: string][] = [
  ["the whole address", "http://127.0.0.1:5000/callback?code=a%2Bb&state=s"],
  ["the address with blanks around it", "  http://127.0.0.1:5000/callback?code=a%2Bb&state=s \r"],
  ["the address in quotes", '"http://127.0.0.1:5000/callback?code=a%2Bb&state=s"'],
  ["the address in angle brackets", "<http://127.0.0.1:5000/callback?code=a%2Bb&state=s>"],
  [
    "the address as a terminal marks it",
    "\x1b[200~http://127.0.0.1:5000/callback?code=a%2Bb&state=s\x1b[201~",
  ],
  ["the address with a fragment", "http://127.0.0.1:5000/callback?code=a%2Bb&state=s#_=_"],
  ["the address without its scheme, as some browsers show it", "127.0.0.1:5000/callback?code=a%2Bb&state=s"],
  ["what comes after the path", "?code=a%2Bb&state=s"],
  ["the query alone", "code=a%2Bb&state=s"],
];
for (const [what, text] of answers) {
  Deno.test(`readPasted takes ${what}`, () => {
    const pasted = readPasted(text);
    strictEqual(pasted.kind, "answer");
    if (pasted.kind === "answer") deepStrictEqual([...pasted.params], [["code", "a+b"], ["state", "s"]]);
  });
}

Deno.test("readPasted takes a refusal", () => {
  strictEqual(readPasted("http://127.0.0.1:5000/callback?error=access_denied&state=s").kind, "answer");
});

const others: [text: string, kind: string][] = [
  ["", "empty"],
  ["  \n", "empty"],
  ["''", "empty"],
  ["https://as.example/authorize?client_id=a&state=s&code_challenge=c", "question"],
  ["https://as.example/authorize?request_uri=urn:x", "question"],
  ["http://127.0.0.1:5000/callback", "other"],
  ["yes", "other"],
  [`?code=${"a".repeat(70_000)}`, "other"],
];
for (const [text, kind] of others) {
  Deno.test(`readPasted calls ${JSON.stringify(text.slice(0, 40))} ${kind}`, () => {
    strictEqual(readPasted(text).kind, kind);
  });
}
