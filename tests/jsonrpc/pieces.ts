/** JSON objects as pieces of text, which the tests splice by plain concatenation. */
import fc from "fast-check";
import { leafText, space, spellings } from "../support/generators.ts";

/** A value: its text, or the members of an object. */
export type Piece = string | PieceObject;

/** An object in pieces; `inner` is the white space of an empty one. */
export interface PieceObject {
  readonly inner: string;
  readonly members: readonly PieceMember[];
}

/** A member: `before name "gap" : gap value after`. */
export interface PieceMember {
  readonly before: string;
  readonly name: string;
  readonly gaps: readonly [string, string];
  readonly value: Piece;
  readonly after: string;
}

/** The text of a piece. */
export function render(piece: Piece): string {
  if (typeof piece === "string") return piece;
  const members = piece.members.map(({ before, name, gaps, value, after }) =>
    `${before}${name}${gaps[0]}:${gaps[1]}${render(value)}${after}`
  );
  return `{${members.length === 0 ? piece.inner : members.join(",")}}`;
}

const nameOf = (member: PieceMember) => JSON.parse(member.name) as string;

/** Sets the last member at `path`, as `edit` promises to: new members go last, objects that are missing are made. */
export function set(piece: Piece, path: readonly string[], text: string): Piece {
  const [name, ...rest] = path;
  if (name === undefined) return text;
  if (typeof piece === "string") piece = { inner: "", members: [] };
  const at = piece.members.findLastIndex((member) => nameOf(member) === name);
  if (at === -1) {
    const value = rest.reduceRight((inner, key) => `{${JSON.stringify(key)}:${inner}}`, text);
    const before = piece.members.length === 0 ? piece.inner : "";
    const added: PieceMember = { before, name: JSON.stringify(name), gaps: ["", ""], value, after: "" };
    return { ...piece, members: [...piece.members, added] };
  }
  const members = piece.members.map((member, i) =>
    i === at ? { ...member, value: set(member.value, rest, text) } : member
  );
  return { ...piece, members };
}

/** Removes the members at `path`, one at a time. */
export function remove(piece: Piece, path: readonly string[]): Piece {
  const [name, ...rest] = path;
  if (typeof piece === "string" || name === undefined) return piece;
  const at = piece.members.findLastIndex((member) => nameOf(member) === name);
  if (at === -1) return piece;
  if (rest.length > 0) {
    const members = piece.members.map((member, i) =>
      i === at ? { ...member, value: remove(member.value, rest) } : member
    );
    return { ...piece, members };
  }
  const members = [...piece.members];
  const [gone] = members.splice(at, 1);
  const previous = members[at - 1];
  const next = members[at];
  // The comma in front goes too, or else the one behind; the white space on the outer side stays.
  if (previous !== undefined) members[at - 1] = { ...previous, after: gone!.after };
  else if (next !== undefined) members[at] = { ...next, before: gone!.before };
  const inner = members.length === 0 ? gone!.before + gone!.after : "";
  return remove({ inner, members }, path);
}

/** The names that objects in pieces have: few, so that paths meet them. */
const name = fc.constantFrom("a", "b", "_meta", "é", 'a"b', "\n", "", "__proto__", "0");

const gaps = fc.tuple(space, space);

/** Objects in pieces, up to three deep, some names there twice. */
export const pieceObject: fc.Arbitrary<PieceObject> = fc.letrec<{ object: PieceObject }>((tie) => {
  const value = fc.oneof({ maxDepth: 3 }, leafText, tie("object"));
  const member = fc.record({ before: space, name: name.chain(spellings), gaps, value, after: space });
  return { object: fc.record({ inner: space, members: fc.array(member, { maxLength: 4 }) }) };
}).object;

/** A path into such objects. */
export const path: fc.Arbitrary<string[]> = fc.array(name, { minLength: 1, maxLength: 3 });

/** A request whose params are an object in pieces, its members in any order, with unknown ones between. */
export const pieceRequest: fc.Arbitrary<PieceObject> = fc.tuple(
  fc.record({ before: space, gaps, after: space }),
  pieceObject,
  fc.array(leafText, { maxLength: 2 }),
).chain(([around, params, unknown]) => {
  const members: [string, Piece][] = [
    ["jsonrpc", '"2.0"'],
    ["id", "9007199254740993"],
    ["method", '"m"'],
    ["params", params],
    ...unknown.map((text): [string, Piece] => ["x", text]),
  ];
  return fc.shuffledSubarray(members, { minLength: members.length }).chain((shuffled) =>
    fc.tuple(...shuffled.map(([name]) => spellings(name))).map((names): PieceObject => ({
      inner: "",
      members: shuffled.map(([, value], i) => ({ ...around, name: names[i]!, value })),
    }))
  );
});
