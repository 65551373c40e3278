/** Arbitraries for property tests, and what chops bytes into pieces for them. */
import fc from "fast-check";

const encoder = new TextEncoder();

/** White space that JSON allows between tokens; mostly none. */
export const space: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: fc.constant("") },
  { weight: 1, arbitrary: fc.constant(" ") },
  { weight: 1, arbitrary: fc.string({ unit: fc.constantFrom(" ", "\t", "\n", "\r"), maxLength: 4 }) },
);

/** Spells one UTF-16 unit inside a JSON string: as it is where that is allowed, or with an escape. */
function spell(unit: string, way: number): string {
  const code = unit.charCodeAt(0);
  const hex = code.toString(16).padStart(4, "0");
  const surrogate = code >= 0xd800 && code <= 0xdfff;
  if (way === 1) return `\\u${hex}`;
  if (way === 2) return `\\u${hex.toUpperCase()}`;
  if (way === 3 && unit === "/") return "\\/";
  if (surrogate) return way === 0 ? unit : `\\u${hex}`;
  return JSON.stringify(unit).slice(1, -1);
}

/** The JSON texts of a string: plain, and with escapes where none are needed. */
export function spellings(text: string): fc.Arbitrary<string> {
  return fc.array(fc.constantFrom(0, 0, 0, 1, 2, 3), { minLength: 1, maxLength: 8 }).map((ways) => {
    // A pair of surrogates is either written out or escaped as a whole.
    const units = [...text].flatMap((char, i) => {
      const way = ways[i % ways.length]!;
      return [...Array(char.length).keys()].map((at) =>
        spell(char[at]!, char.length === 2 && way === 3 ? 1 : way)
      );
    });
    return `"${units.join("")}"`;
  });
}

const anyString = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.string({
    unit: fc.constantFrom('"', "\\", "/", "\n", "\u0000", "\u2028", "é", "🐟", "{", "}"),
    maxLength: 6,
  }),
);

/** The JSON text of a string. */
export const stringText: fc.Arbitrary<string> = fc.oneof(
  anyString.chain(spellings),
  // A surrogate on its own can be escaped in JSON, though not be written in UTF-8.
  fc.constantFrom('"\\ud800"', '"\\uDC00x"', '"\\b\\f\\n\\r\\t\\/\\"\\\\"'),
);

/** The JSON text of a number, those that a double does not hold included. */
export const numberText: fc.Arbitrary<string> = fc.oneof(
  fc.integer().map(String),
  fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }).map(String),
  fc.constantFrom(
    "-0",
    "0",
    "1E400",
    "-1e400",
    "1e-400",
    "0.1",
    "1.50",
    "10E+2",
    "9007199254740993",
    "0.0e-0",
  ),
);

/** The JSON text of a value without members. */
export const leafText: fc.Arbitrary<string> = fc.oneof(
  stringText,
  numberText,
  fc.constantFrom("true", "false", "null", "{}", "[]"),
);

/** Any JSON text, with white space around and inside. */
export const jsonText: fc.Arbitrary<string> = fc.letrec<{ value: string }>((tie) => {
  const padded = fc.tuple(space, tie("value"), space).map((parts) => parts.join(""));
  const member = fc.tuple(space, stringText, space, padded).map(([a, name, b, value]) =>
    `${a}${name}${b}:${value}`
  );
  return {
    value: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      leafText,
      fc.array(padded, { maxLength: 4 }).map((items) => `[${items.join(",")}]`),
      fc.array(member, { maxLength: 4 }).map((items) => `{${items.join(",")}}`),
    ),
  };
}).value;

/** A JSON text in so many brackets and braces. */
export const deepText: fc.Arbitrary<string> = fc.tuple(
  fc.array(fc.boolean(), { minLength: 50, maxLength: 400 }),
  leafText,
).map(([objects, leaf]) =>
  objects.map((object) => object ? '{"a":' : "[").join("") + leaf +
  objects.toReversed().map((object) => object ? "}" : "]").join("")
);

const envelopeNames = ["jsonrpc", "id", "method", "params", "result", "error"] as const;

/** Values that make a valid message of their member, and some that don't. */
const envelopeValue: Readonly<Record<typeof envelopeNames[number], fc.Arbitrary<string>>> = {
  jsonrpc: fc.oneof(
    { weight: 8, arbitrary: fc.constant('"2.0"') },
    { weight: 1, arbitrary: spellings("2.0") },
    { weight: 1, arbitrary: fc.oneof(fc.constantFrom('"1.0"', "2.0", "null"), leafText) },
  ),
  id: fc.oneof(
    { weight: 4, arbitrary: fc.oneof(numberText, stringText) },
    { weight: 1, arbitrary: leafText },
  ),
  method: fc.oneof({ weight: 6, arbitrary: stringText }, { weight: 1, arbitrary: leafText }),
  params: fc.oneof({ weight: 4, arbitrary: jsonText }, { weight: 1, arbitrary: leafText }),
  result: jsonText,
  error: fc.oneof(
    { weight: 3, arbitrary: jsonText.map((text) => `{"code":-1,"message":"no","data":${text}}`) },
    { weight: 1, arbitrary: leafText },
  ),
};

const envelopeMember: fc.Arbitrary<string> = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...envelopeNames) },
  { weight: 1, arbitrary: fc.constantFrom("ID", "x", "meta", "jsonrpc2", "") },
).chain((name) => {
  const value = name in envelopeValue ? envelopeValue[name as typeof envelopeNames[number]] : jsonText;
  return fc.tuple(space, spellings(name), space, space, value, space)
    .map(([a, text, b, c, member, d]) => `${a}${text}${b}:${c}${member}${d}`);
});

function object(members: readonly string[]): string {
  return `{${members.join(",")}}`;
}

/** Shapes of the envelope that are right, in any order of members; what they hold may not be. */
const rightShape: fc.Arbitrary<string> = fc.constantFrom<(typeof envelopeNames[number])[]>(
  ["jsonrpc", "id", "method", "params"],
  ["jsonrpc", "id", "method"],
  ["jsonrpc", "method", "params"],
  ["jsonrpc", "method"],
  ["jsonrpc", "id", "result"],
  ["jsonrpc", "id", "error"],
  ["jsonrpc", "error"],
).chain((names) =>
  fc.tuple(...names.map((name) =>
    fc.tuple(space, spellings(name), space, envelopeValue[name])
      .map(([a, text, b, value]) => `${a}${text}${b}:${value}`)
  ))
).chain((members) => fc.shuffledSubarray(members, { minLength: members.length })).map(object);

/** Something like a JSON-RPC message: often valid, often nearly so. */
export const messageText: fc.Arbitrary<string> = fc.tuple(
  space,
  fc.oneof(
    { weight: 4, arbitrary: rightShape },
    { weight: 2, arbitrary: fc.array(envelopeMember, { maxLength: 6 }).map(object) },
    { weight: 1, arbitrary: jsonText },
  ),
  space,
).map((parts) => parts.join(""));

/** Bytes that are a text with a few of them changed, cut off, doubled or put in. */
export function damaged(text: fc.Arbitrary<string>): fc.Arbitrary<Uint8Array<ArrayBuffer>> {
  const byte = fc.oneof(
    fc.constantFrom(...encoder.encode('{}[]:,"\\ \n\r\t0-+.eEutfn'), 0, 0x1f, 0x7f, 0x80, 0xc3, 0xff),
    fc.integer({ min: 0, max: 255 }),
  );
  const change = fc.record({
    way: fc.constantFrom("replace", "insert", "delete", "cut", "double"),
    at: fc.nat(),
    byte,
  });
  return fc.tuple(text, fc.array(change, { minLength: 1, maxLength: 3 })).map(([whole, changes]) => {
    let bytes = [...encoder.encode(whole)];
    for (const { way, at, byte } of changes) {
      const place = at % (bytes.length + 1);
      if (way === "replace") bytes[Math.min(place, Math.max(0, bytes.length - 1))] = byte;
      else if (way === "insert") bytes.splice(place, 0, byte);
      else if (way === "delete") bytes.splice(place, 1);
      else if (way === "cut") bytes = bytes.slice(0, place);
      else bytes.splice(place, 0, ...bytes.slice(place, place + 5));
    }
    return new Uint8Array(bytes);
  });
}

/** A byte string, together with places to cut it at. */
export interface Chopped {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly chunks: readonly Uint8Array<ArrayBuffer>[];
}

/** Chops bytes at any places, now and then into single bytes or with empty pieces. */
export function chopped(bytes: fc.Arbitrary<Uint8Array<ArrayBuffer>>): fc.Arbitrary<Chopped> {
  const cuts = fc.oneof(
    { weight: 5, arbitrary: fc.array(fc.nat(), { maxLength: 8 }) },
    { weight: 1, arbitrary: fc.constant("each" as const) },
  );
  return fc.tuple(bytes, cuts).map(([bytes, cuts]) => {
    const places = cuts === "each" ? [...bytes.keys()] : cuts.map((cut) => cut % (bytes.length + 1));
    const edges = [0, ...places.sort((a, b) => a - b), bytes.length];
    return { bytes, chunks: edges.slice(1).map((edge, i) => bytes.slice(edges[i], edge)) };
  });
}

/** Bytes made of the given pieces, in any order and number. */
export function assembled(
  pieces: readonly (string | readonly number[])[],
  maxLength: number,
): fc.Arbitrary<Uint8Array<ArrayBuffer>> {
  const parts = pieces.map((piece) => typeof piece === "string" ? [...encoder.encode(piece)] : piece);
  return fc.array(fc.constantFrom(...parts), { maxLength }).map((chosen) => new Uint8Array(chosen.flat()));
}
