import { shownUrl, SignInError } from "./errors.ts";

/** A JSON object that a server made: nothing is known of its members. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Reads the body of a response as a JSON object; `undefined` where it is none. */
export async function readJson(response: Response): Promise<JsonObject | undefined> {
  try {
    const value: unknown = JSON.parse(await response.text());
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? value as JsonObject
      : undefined;
  } catch {
    return undefined;
  }
}

/** A member that is a text; absent when it is missing, `null` or empty. */
export function textMember(json: JsonObject, name: string, from: string): string | undefined {
  const value = json[name] ?? undefined;
  if (value === undefined || value === "") return undefined;
  if (typeof value !== "string") throw wrong(name, "a text", from);
  return value;
}

/** A member that is a list of texts. */
export function listMember(json: JsonObject, name: string, from: string): readonly string[] | undefined {
  const value = json[name] ?? undefined;
  if (value === undefined) return undefined;
  if (!Array.isArray(value) || !value.every((it) => typeof it === "string")) {
    throw wrong(name, "a list of texts", from);
  }
  return value;
}

/** A member that is true or false. */
export function flagMember(json: JsonObject, name: string): boolean {
  return json[name] === true;
}

function wrong(name: string, wanted: string, from: string): SignInError {
  return new SignInError("BAD_METADATA", `in the metadata at ${shownUrl(from)}, "${name}" is not ${wanted}`);
}
