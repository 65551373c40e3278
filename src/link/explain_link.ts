import { type Failure, failure, type FailureName } from "./failure.ts";
import { isLinkError, type LinkErrorCode } from "./link_error.ts";

const COMMAND_CODES: Readonly<Record<LinkErrorCode, FailureName>> = {
  NOT_FOUND: "COMMAND",
  NOT_EXECUTABLE: "COMMAND",
  INVALID: "COMMAND",
  UNREACHABLE: "COMMAND",
  REFUSED: "COMMAND",
  PERMISSION: "PERMISSION",
  TIMEOUT: "CONNECT_TIMEOUT",
  CLOSED: "CONNECTION_LOST",
};

const SOCKET_CODES: Readonly<Record<LinkErrorCode, FailureName>> = {
  ...COMMAND_CODES,
  NOT_FOUND: "UNREACHABLE",
  NOT_EXECUTABLE: "UNREACHABLE",
  INVALID: "UNREACHABLE",
  UNREACHABLE: "UNREACHABLE",
  REFUSED: "UNREACHABLE",
};

/** Says what an error means that opening a wire, or writing to it, has thrown. */
export function explainLink(error: unknown, endpoint: string, kind: "command" | "tcp" | "unix"): Failure {
  if (!isLinkError(error)) {
    const text = error instanceof Error ? error.message : String(error);
    return failure(kind === "command" ? "COMMAND" : "UNREACHABLE", endpoint, text);
  }
  const codes = kind === "command" ? COMMAND_CODES : SOCKET_CODES;
  return failure(codes[error.code], endpoint, error.message, error.hint);
}
