/** Writes all of `text` to stdout. @returns false when nobody reads it any more */
export function writeOut(text: string): boolean {
  return writeAll(Deno.stdout, text);
}

/** Writes all of `text` to stderr. @returns false when nobody reads it any more */
export function writeError(text: string): boolean {
  return writeAll(Deno.stderr, text);
}

function writeAll(stream: { writeSync(bytes: Uint8Array): number }, text: string): boolean {
  let bytes = new TextEncoder().encode(text);
  try {
    while (bytes.length > 0) bytes = bytes.subarray(stream.writeSync(bytes));
    return true;
  } catch {
    return false;
  }
}

/** `text` in one line without control characters, for messages on stderr. */
export function oneLine(text: string): string {
  return text.replace(/\s*[\r\n]+\s*/g, " ").replace(/\p{Cc}/gu, "�").trim();
}

/** The line for a failure nobody foresaw; with `debug` the stack follows. */
export function unexpectedError(error: unknown, debug: boolean): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const line = `mcp-connect: unexpected failure: ${oneLine(text)}`;
  if (!debug) return `${line} (run with --debug for details)`;
  return error instanceof Error && error.stack !== undefined ? `${line}\n${error.stack}` : line;
}
