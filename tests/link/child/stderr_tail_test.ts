import assert from "node:assert/strict";
import fc from "fast-check";
import { createLineSplitter, tellingLine } from "../../../src/link/child/stderr_tail.ts";

function split(chunks: readonly Uint8Array[], limit: number): [line: string, cut: boolean][] {
  const lines: [string, boolean][] = [];
  const splitter = createLineSplitter(
    (line, cut) => lines.push([new TextDecoder().decode(line), cut]),
    limit,
  );
  for (const chunk of chunks) splitter.push(chunk);
  splitter.end();
  return lines;
}

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("the splitter joins a line, and a multi-byte character, across chunks", () => {
  const [first, second] = [bytes("aé\nb").slice(0, 2), bytes("aé\nb").slice(2)];
  assert.deepEqual(split([first, second], 100), [["aé", false], ["b", false]]);
});

Deno.test("the splitter cuts an over-long line and goes on with the next", () => {
  assert.deepEqual(split([bytes("abcdef"), bytes("gh\nij\nklmn\n")], 4), [
    ["abcd", true],
    ["ij", false],
    ["klmn", false],
  ]);
});

Deno.test("the splitter gives the same lines however the bytes are split", () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: fc.constantFrom("a", "b", "\n"), maxLength: 9 }), { maxLength: 9 }),
      (parts) => {
        assert.deepEqual(split(parts.map(bytes), 5), split([bytes(parts.join(""))], 5));
      },
    ),
  );
});

const TABLE: readonly [name: string, lines: string[], expected: string | undefined][] = [
  ["nothing", [], undefined],
  ["one line", ["listening"], "listening"],
  [
    "the last error before noise",
    ["Error: boom", "    at f (x.js:1:2)", "}", "", "Node.js v22.0.0"],
    "Error: boom",
  ],
  ["Python's exception after its traceback", [
    "Traceback (most recent call last):",
    '  File "x.py", line 1, in <module>',
    "    raise ValueError('no')",
    "ValueError: no",
  ], "ValueError: no"],
  ["a shell's complaint", ["sh: 1: foo: not found"], "sh: 1: foo: not found"],
  ["the latest of several", ["error: one", "warming up", "error: two", "bye"], "error: two"],
  [
    "npm's summary",
    ["npm error code E404", "npm error 404 Not Found - GET https://registry/x", ""],
    "npm error 404 Not Found - GET https://registry/x",
  ],
  ["plain words", ["hello", "bye"], "bye"],
];

for (const [name, lines, expected] of TABLE) {
  Deno.test(`tellingLine: ${name}`, () => assert.equal(tellingLine(lines), expected));
}
