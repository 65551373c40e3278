import type { FailureName } from "../link/failure.ts";
import { ExitCode, type ExitCodeNumber } from "./exit_codes.ts";

const CODES: Readonly<Record<FailureName, ExitCodeNumber>> = {
  PARSE_ERROR: ExitCode.Unexpected,
  INVALID_REQUEST: ExitCode.Refused,
  INVALID_PARAMS: ExitCode.Unexpected,
  METHOD_NOT_FOUND: ExitCode.Refused,
  UNREACHABLE: ExitCode.Unreachable,
  TLS: ExitCode.Unreachable,
  COMMAND: ExitCode.Unreachable,
  CONNECTION_LOST: ExitCode.Unreachable,
  PERMISSION: ExitCode.Permission,
  CONNECT_TIMEOUT: ExitCode.TimedOut,
  REQUEST_TIMEOUT: ExitCode.TimedOut,
  UNAUTHORIZED: ExitCode.Unauthorized,
  LOGIN_REQUIRED: ExitCode.Unauthorized,
  SESSION_LOST: ExitCode.Refused,
  RETRY_LATER: ExitCode.Refused,
  REFUSED: ExitCode.Refused,
  NOT_MCP: ExitCode.Refused,
  TOO_LARGE: ExitCode.Refused,
  TOOL_FILTERED: ExitCode.Refused,
  SHUTTING_DOWN: ExitCode.Unexpected,
  OVERLOADED: ExitCode.Unexpected,
  NO_UPSTREAM: ExitCode.Unreachable,
};

/** The exit code of a failure by its stable name; a server's own error answers count as refusals. */
export function problemExitCode(code: string): ExitCodeNumber {
  return Object.hasOwn(CODES, code) ? CODES[code as FailureName] : ExitCode.Refused;
}
